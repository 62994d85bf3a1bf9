"""Descriptions as HTML."""

import pytest

from edge.openapi.highlight import json_text, shell_command
from edge.openapi.prose import Prose

RFC = '<a href="https://www.rfc-editor.org/rfc/rfc'
prose = Prose({"SignIn": "#in", "NOT_FOUND": "#gone"})


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a < b & `c > d`", "a &lt; b &amp; <code>c &gt; d</code>"),
        ("See SignIn.", 'See <a href="#in">SignIn</a>.'),
        ("See SignInRequest.", "See SignInRequest."),
        ("`NOT_FOUND`", '<a href="#gone"><code>NOT_FOUND</code></a>'),
        ("a ` alone", "a ` alone"),
        (
            "(RFC 9700, section 4.14.2).",
            f'({RFC}9700#section-4.14.2">RFC 9700, section 4.14.2</a>).',
        ),
        ("RFC 7517, and RFC 8", f'{RFC}7517">RFC 7517</a>, and RFC 8'),
        ("`RFC 7517`", "<code>RFC 7517</code>"),
    ],
)
def test_inline(text: str, html: str) -> None:
    assert str(prose.inline(text)) == html


def test_blocks() -> None:
    text = "One\nline.\n\n- a\n- `b`\n\n<i>"
    assert str(prose.blocks(text)) == (
        "<p>One line.</p>\n<ul><li>a</li><li><code>b</code></li></ul>\n<p>&lt;i&gt;</p>"
    )


def test_json_is_coloured_and_escaped() -> None:
    assert str(json_text('{"a": "<b>\\"", "n": [1.5, null]}')) == (
        '{<span class="code-key">&#34;a&#34;</span>: '
        '<span class="code-string">&#34;&lt;b&gt;\\&#34;&#34;</span>, '
        '<span class="code-key">&#34;n&#34;</span>: [<span class="code-number">1.5</span>, '
        '<span class="code-word">null</span>]}'
    )


def test_commands_are_coloured_and_escaped() -> None:
    assert str(shell_command("curl --data '<>' x")) == (
        '<span class="code-word">curl</span> <span class="code-key">--data</span> '
        '<span class="code-string">&#39;&lt;&gt;&#39;</span> x'
    )
