# Environments with other versions of what embedsync works with. They are kept in .venvs, and made again when
# pyproject.toml changes. To be read in by scripts of this folder.

# python VERSION: the first interpreter of that version that runs; pyenv's stand-ins exist for others, too.
python() {
    local each
    for each in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1".*/bin/python; do
        if "$each" -c '' 2>/dev/null; then
            echo "$each"
            return
        fi
    done
}

# environment NAME PYTHON REQUIREMENT...: an environment for the tests, with these requirements.
environment() {
    local folder=.venvs/$1 python=$2
    shift 2
    if [ ! -e "$folder/installed" ] || [ pyproject.toml -nt "$folder/installed" ]; then
        .ci/create-venv "$python" "$folder"
        "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --editable '.[test]' "$@"
        touch "$folder/installed"
    fi
}

# python_of NAME ARGUMENT...: the environment's Python, with the environment's programs first.
python_of() {
    local folder=$PWD/.venvs/$1
    shift
    PATH="$folder/bin:$PATH" "$folder/bin/python" "$@"
}
