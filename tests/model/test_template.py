"""Templates: every shell takes what a line says for text, wherever the template has it."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aqueue.model.errors import InvalidInput
from aqueue.model.intake import Commands, Wanted
from aqueue.model.template import Template

SHELLS = [shell for name in ("sh", "dash", "bash", "busybox") if (shell := shutil.which(name))]


def commands(words: Sequence[str], lines: Iterable[str]) -> list[str]:
    template = Template.parse(words)
    return [template.command(line, number) for number, line in enumerate(lines, start=1)]


def said(shell: str, command: str) -> list[bytes]:
    """The arguments that the command prints, each with a NUL behind it."""
    words = [shell, "sh", "-c"] if shell.endswith("busybox") else [shell, "-c"]
    done = subprocess.run([*words, command.encode()], capture_output=True, stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, done.stderr) == (0, b""), command
    return done.stdout.split(b"\0")[:-1]


VALUES = [
    ("a/b c.tar.gz", ["a/b c.tar.gz", "a/b c.tar", "b c.tar.gz", "a", "b c.tar"]),
    ("photo.jpg", ["photo.jpg", "photo", "photo.jpg", ".", "photo"]),
    ("/photo", ["/photo", "/photo", "photo", "/", "photo"]),
    (".bashrc", [".bashrc", "", ".bashrc", ".", ""]),
    ("a.b/c", ["a.b/c", "a.b/c", "c", "a.b", "c"]),
    ("a/b/", ["a/b/", "a/b/", "", "a", ""]),
    ("a//b.c", ["a//b.c", "a//b", "b.c", "a", "b"]),
    ("a.", ["a.", "a", "a.", ".", "a"]),
    ("/", ["/", "/", "", "/", ""]),
    ("..", ["..", ".", "..", ".", "."]),
    (" a", [" a", " a", " a", ".", " a"]),
    (
        "https://x.org/a.html?b=c.d",
        ["https://x.org/a.html?b=c.d", "https://x.org/a.html?b=c", "a.html?b=c.d", "https://x.org", "a.html?b=c"],
    ),
]
ALL_OF_THEM = "printf '%s\\0' {} {.} {/} {//} {/.} {#}"


@pytest.mark.parametrize(("line", "values"), VALUES)
def test_the_placeholders_stand_for_what_they_do_in_gnu_parallel(line: str, values: list[str]) -> None:
    (command,) = commands([ALL_OF_THEM], [line])
    assert said("/bin/sh", command) == [value.encode() for value in [*values, "1"]]


@pytest.mark.skipif(shutil.which("parallel") is None, reason="GNU parallel is not there")
def test_gnu_parallel_says_the_same() -> None:
    lines = [line for line, _ in VALUES]
    done = subprocess.run(
        ["parallel", "--will-cite", "-k", "-j1", "printf '%s\\0' {} {.} {/} {//} {/.} {#}"],
        input="\n".join(lines).encode(),
        capture_output=True,
        check=True,
    )
    ours = [text for command in commands([ALL_OF_THEM], lines) for text in said("/bin/sh", command)]
    assert done.stdout.split(b"\0")[:-1] == ours


HOSTILE = [
    *("a b", "it's", 'say "hi"', "$(touch pwned)", "`touch pwned`", "$HOME", "${HOME}", "a\\", "\\", "\\\\x", "#x"),
    *("-rf", "--", "*", "?", "[a-z]", "~", "~root", "~+", "a;b", "a&b", "a|b", "a>b", "<a", "(a)", "{a,b}", "1..5"),
    *("if", "then", "done", "time", "[[", "{", "}", "!x", "x=y", "PATH=x", "1", "2", "007", "%1", "\t", "a\rb"),
    *("'", '"', "''", "'\"'\"'", "$'a'", "a'$(touch pwned)'b", '"; touch pwned; "', "'; touch pwned; '", "a\x7f"),
    *("\udce4", "a\udcff\udcfe b", "\udc80'", "\\\udce4", "a\\'$(touch pwned)", "${", "$((1))", "\\$(touch pwned)"),
    *("ä", "日本", "é\u2028", "\\`touch pwned\\`", "\x1b[m", "a,b", "!"),
]
TEMPLATES = [
    "printf '%s\\0' {}",
    "printf '%s\\0' '{}'",
    "printf '%s\\0' \"{}\"",
    "x={}; printf '%s\\0' \"$x\"",
    "printf '%s\\0' \"$(printf '%s\\n' {})\"",
    "printf '%s\\0' \"$(printf '%s\\n' \"{}\")\"",
    "printf '%s\\0' \"$(printf '%s\\n' '{}')\"",
    "(printf '%s\\0' {})",
    "{ printf '%s\\0' {}; }",
    "if true; then printf '%s\\0' {};fi",
    "printf '%s\\0' {}# {} is the name",
    "for x in {}; do printf '%s\\0' \"$x\"; done",
    "case {} in x) ;; *) printf '%s\\0' {};; esac",
    'true ${HOME%/*} `echo "it\'s"` $((1 + (2))) "${HOME:-x}" | printf \'%s\\0\' {}',
    "printf '%s\\0' {} <<E\nit's \"\nE\n",
    "printf '%s\\0' {} >&1 2>/dev/null",
]


@pytest.mark.parametrize("template", TEMPLATES)
@pytest.mark.parametrize("shell", SHELLS)
def test_no_shell_takes_a_hostile_name_for_anything_but_text(shell: str, template: str) -> None:
    if template.startswith("printf '%s\\0' {}#"):
        template = template.replace("{}#", "{} #", 1)
    for name, command in zip(HOSTILE, commands([template], HOSTILE), strict=True):
        assert said(shell, command) == [name.encode(errors="surrogateescape")], command


GLUED = [
    ("x=v; printf '%s\\0' $x{}", "v{}"),
    ("x=v; printf '%s\\0' \"$x{}\"", "v{}"),
    ("x=v; printf '%s\\0' \"${x}{}y\"", "v{}y"),
    ("set -- v; printf '%s\\0' $1{}", "v{}"),
    ("printf '%s\\0' a{}b", "a{}b"),
    ("printf '%s\\0' 'a'{}\"b\"", "a{}b"),
    ("printf '%s\\0' ./{}.png", "./{}.png"),
    ("printf '%s\\0' {}{}", "{}{}"),
    ("printf '%s\\0' {{}}", "{{}}"),
    ("printf '%s\\0' --to={}", "--to={}"),
    ("printf '%s\\0' a\\ {}", "a {}"),
    ("printf '%s\\0' \\\\{}", "\\{}"),
    ('printf \'%s\\0\' "a\\\\{}\\""', 'a\\{}"'),
    ("printf '%s\\0' ~{}", "~{}"),
    ("printf '%s\\0' \\\n{}", "{}"),
]
NAMES = ["a", "a b", "it's", "root", "1", "x,y", "$(touch pwned)", "\udce4", '"', "\\"]


@pytest.mark.parametrize(("template", "expected"), GLUED)
@pytest.mark.parametrize("shell", SHELLS)
def test_what_stands_beside_it_makes_nothing_else_of_it(shell: str, template: str, expected: str) -> None:
    for name, command in zip(NAMES, commands([template], NAMES), strict=True):
        assert said(shell, command) == [expected.replace("{}", name).encode(errors="surrogateescape")], command


WORDS = [["printf", "%s\\0", "{}"], ["printf", "%s\\0", "a {}'s"], ["printf", "%s\\0", "{}", "--", "$x"]]


@pytest.mark.parametrize("words", WORDS, ids=" ".join)
def test_several_words_are_each_a_word_whatever_comes_into_them(words: list[str]) -> None:
    for name, command in zip(HOSTILE, commands(words, HOSTILE), strict=True):
        expected = [word.replace("{}", name).encode(errors="surrogateescape") for word in words[2:]]
        assert said("/bin/sh", command) == expected


SECRET = "80779853376"
REVEAL = "echo $((123456*654321)) >&2"
WAYS_OUT = st.lists(st.sampled_from(["'", '"', "`", ")", "}", "]", ";", "\\", " ", "$", "(", "#"]), max_size=3).map(
    "".join
)
WAYS_IN = st.sampled_from(
    [f"$({REVEAL})", f"`{REVEAL}`", f";{REVEAL};", f"|{REVEAL}|", f"&{REVEAL}&", f"x[$({REVEAL})]"]
)
NAMES_THAT_REVEAL = st.tuples(WAYS_OUT, WAYS_IN, WAYS_OUT).map("".join)
PIECES = [
    *(
        "{}",
        "{.}",
        "'",
        '"',
        "\\",
        "$",
        "(",
        ")",
        "`",
        "{",
        "}",
        " ",
        "x",
        "#",
        "\n",
        "<<",
        "<<'x'",
        "case x in x) ",
        "$(",
    ),
    *("${x}", "${", "x=", "[", "]", ";", "|", "&", "$((", "))", "$'", "printf %s ", "=", "~", "{}", "if ", ": "),
]


@settings(max_examples=300)
@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join), NAMES_THAT_REVEAL)
@example("${}", "x")
@example('"\\{}"{}', f'";{REVEAL}')
@example('"$(case x in x) {};; esac)"', f";{REVEAL}")
@example("'{}'", f"';{REVEAL};'")
@example("cat <<x\n{}\nx", f"$({REVEAL})")
@example("#'\n{}#'", f";{REVEAL}")
@example("x[{}]=1", f"$({REVEAL})")
@example("x[{}]=1", f"y[$({REVEAL})]")
@example("x=([{}]=1)", f"$({REVEAL})")
@example("echo >&{}", f"$({REVEAL})")
@example("<<-'E';<<\"$(]if {}{", f";'$&{REVEAL}&#}}")
@example("echo $[{}]", f"$({REVEAL})")
def test_whatever_the_template_is_no_shell_runs_what_a_name_says(template: str, name: str) -> None:
    with contextlib.suppress(InvalidInput):
        for command in commands([template], [name]):
            for shell in SHELLS:
                assert SECRET not in _stderr(shell, command), command


def _stderr(shell: str, command: str) -> str:
    words = [shell, "sh", "-c"] if shell.endswith("busybox") else [shell, "-c"]
    done = subprocess.run(
        [*words, command], capture_output=True, stdin=subprocess.DEVNULL, env={"PATH": "/"}, check=False
    )
    return done.stderr.decode(errors="replace")


PLAIN = [
    ("convert {} {.}.png", "photos/a-1.jpg", "convert photos/a-1.jpg photos/a-1.png"),
    ("echo {}", "7", "echo 7"),
    ("{}", "./run", "./run"),
    ("echo frame{#} f-{#}.png", "7", "echo frame1 f-1.png"),
    ("echo {} > {/.}.log", "a.txt", "echo a.txt > a.log"),
    ("[ -f {} ] && ls x[0-9]* {} 2>&1 >&-", "a", "[ -f a ] && ls x[0-9]* a 2>&1 >&-"),
    ("[[ -f {} ]]; cat <<- 'E' {} <<E", "a", "[[ -f a ]]; cat <<- 'E' a <<E"),
    ("echo '{}' \"{}\"", "it's", "echo 'it'\"'\"'s' \"it's\""),
]


@pytest.mark.parametrize(("template", "line", "command"), PLAIN)
def test_plain_names_stay_readable(template: str, line: str, command: str) -> None:
    assert commands([template], [line]) == [command]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["echo"], "it needs a placeholder: one of {}, {.}, {/}, {//}, {/.}, {#}"),
        (["echo", "{x}"], "it needs a placeholder: "),
        ([r"echo \{}"], "it needs a placeholder: "),
        (["echo # {}"], "it needs a placeholder: "),
        (['{"command": "echo {}"}'], "it is a command, not JSON"),
        (["echo '{}"], "its quotes are not closed"),
        (['echo "{}'], "its quotes are not closed"),
        (["echo `basename {}`"], "it cannot be told how to quote {} in or behind ``basename {}``"),
        (["echo `{}"], "it cannot be told how to quote {} in or behind ```"),
        (["echo $(( {} + 1 ))"], "it cannot be told how to quote {} in or behind `$(( {} + 1 ))`"),
        (["echo $((((1)) + {}))"], "it cannot be told"),
        (["echo $[{}]"], "it cannot be told"),
        (["(( x = {} ))"], "it cannot be told"),
        (["echo ${x:-{}}"], "it cannot be told"),
        (["echo ${}"], "it cannot be told"),
        (["echo ${.}"], "it cannot be told"),
        (["echo \"${x:-'a'} {}\""], "it cannot be told"),
        (["echo $'{}'"], "it cannot be told"),
        (["echo $'a' {}"], "it cannot be told"),
        (["(cat <<E) {}\nE"], "it cannot be told how to quote {} in or behind `<<E`"),
        (["x[{}]=1"], "it cannot be told how to quote {} in or behind `[`; put it before that"),
        (["x[$i]=1; echo {}"], "it cannot be told"),
        (["x=([{}]=1)"], "it cannot be told"),
        (["echo >&{}"], "it cannot be told"),
        (["echo >&2x {}"], "it cannot be told"),
        (["cat <<{}"], "it cannot be told"),
        (['cat <<"$(x" {}'], "it cannot be told"),
        (["cat <<< {}"], "it cannot be told"),
        (["cat <<E\n{}\nE"], "it cannot be told how to quote {} in or behind `<<`"),
        (['echo "$(case x in x) echo {};; esac)"'], "it cannot be told how to quote {} in or behind `case`"),
    ],
    ids=str,
)
def test_a_template_without_a_placeholder_or_too_involved_is_refused(words: list[str], reason: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        Template.parse(words)
    assert str(caught.value).startswith(reason)


def test_a_job_a_line_numbered_without_the_blank_ones() -> None:
    template = Template.parse(["echo {#} {}"])
    assert list(template.wanted(["a\n\n  \nb", "c\r\nd"])) == [
        Commands(["echo 1 a"], [1]),
        Commands(["echo 2 bc"], range(4, 5)),
        Commands(["echo 3 d"], range(5, 6)),
    ]


def test_a_line_that_makes_no_command_is_handed_on_with_its_number() -> None:
    template = Template.parse(["echo {}"])
    assert list(template.wanted(["a\nb\0\n"])) == [
        Wanted({"command": "echo a"}, 1),
        Wanted({"command": "echo 'b\0'"}, 2),
    ]
