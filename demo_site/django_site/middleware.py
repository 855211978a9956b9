"""What the site adds to every answer."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from demo_site.security import SECURITY_HEADERS, WITH_TABLES


def security_headers(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Forbid what no page of this site needs, scripts in the page itself above all."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name, value in {**SECURITY_HEADERS, "Content-Security-Policy": WITH_TABLES}.items():
            response.headers[name] = value
        return response

    return answer
