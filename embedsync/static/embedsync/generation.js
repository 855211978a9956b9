// For pages of a server that starts again when a file changes: the page then loads itself again.
// The address of this script ends in `?` and the name of the start that the page comes from.

const script = new URL(import.meta.url);
const ours = decodeURIComponent(script.search.slice(1));
const starts = new EventSource(new URL("../../generation", script));

starts.addEventListener("message", ({ data }) => {
  if (data === ours) return;
  starts.close();
  location.reload();
});
