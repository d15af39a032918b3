using MoA.Engine;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Tests.Tokenization.Jinja;

/// <summary>The language of templates; the expected texts are what Jinja 3.1 prints with transformers' settings.</summary>
public class JinjaTemplateTests
{
    private static readonly ChatMessage[] Messages = [new(ChatRole.System, "S"), new(ChatRole.User, "Hi 🚀"), new(ChatRole.Assistant, "Yo")];

    [Theory]
    [InlineData("{{ [1, 2.5, 'a', none, true, {'k': \"it's\"}] }}", "[1, 2.5, 'a', None, True, {'k': \"it's\"}]")]
    [InlineData("{{ {'a': [1, {}], 'b': []} | tojson }}", "{\"a\": [1, {}], \"b\": []}")]
    [InlineData("{{ {'a': [1]} | tojson(indent=2) }}", "{\n  \"a\": [\n    1\n  ]\n}")]
    [InlineData("{{ -7 // 2 }} {{ -7 % 3 }} {{ 7 / 2 }} {{ 2 ** 3 }} {{ 1 + 2 * 3 - -4 }}", "-4 2 3.5 8 11")]
    [InlineData("{{ 'a' ~ 1 ~ none }} {{ 'ab' * 2 }} {{ 'x' 'y' }}", "a1None abab xy")]
    [InlineData("{{ 1 < 2 < 3 }} {{ not 1 == 2 }} {{ 'a' in 'abc' and 'z' not in 'abc' }}", "True True True")]
    [InlineData("{{ 1 if false }}{{ 1 if true else 2 }}{{ none or 'x' }}", "1x")]
    [InlineData("{{ 'Hello wORLD'.title() }} {{ 'hello World' | capitalize }}", "Hello World Hello world")]
    [InlineData("{{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ 'a.b.c'.rsplit('.', 1) }}", "['a', 'b'] ['a', 'b,c'] ['a.b', 'c']")]
    [InlineData("{{ 'abc'[::-1] }} {{ 'abcdef'[1:-1:2] }} {{ 'abc'[-1] }} {{ [1, 2, 3][-2:] }} {{ [1][5:] }}", "cba bd c [2, 3] []")]
    [InlineData("{{ 'aXbX'.replace('X', '-', 1) }} {{ 'xxaxx'.strip('x') }} {{ '  x'.lstrip() }}|", "a-bX a x|")]
    [InlineData("{{ messages[1].content[3:] }} {{ messages[1].content | length }}", "🚀 4")]
    [InlineData("{{ messages | map(attribute='role') | join(', ') }}", "system, user, assistant")]
    [InlineData("{{ messages | selectattr('role', 'equalto', 'user') | list | length }}", "1")]
    [InlineData("{{ messages | rejectattr('role', 'eq', 'user') | map(attribute='content') | list }}", "['S', 'Yo']")]
    [InlineData("{{ [1, 0, 2] | select | list }} {{ ['a', 'b'] | map('upper') | join }}", "[1, 2] AB")]
    [InlineData("{{ nothing | default('d') }} {{ '' | default('e', true) }} {{ '42' | int + 1 }} {{ 'z' | int(7) }}", "d e 43 7")]
    [InlineData("{{ nothing }}{{ nothing ~ 'x' }}{{ nothing is defined }}{{ messages[9] is defined }}", "xFalseFalse")]
    [InlineData("{{ 'a' is string }}{{ {} is mapping }}{{ [] is iterable }}{{ 3 is odd }}{{ 4 is divisibleby 2 }}", "TrueTrueTrueTrueTrue")]
    [InlineData("{% for k, v in {'a': 1, 'b': 2}.items() %}{{ k }}={{ v }};{% endfor %}", "a=1;b=2;")]
    [InlineData("{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}{% if i == 4 %}{% break %}{% endif %}{{ i }}{% endfor %}", "023")]
    [InlineData("{% for m in messages if m.role != 'system' %}{{ loop.index }}/{{ loop.length }}{{ ',' if not loop.last }}{% endfor %}", "1/2,2/2")]
    [InlineData("{% for x in [] %}a{% else %}empty{% endfor %}", "empty")]
    [InlineData("{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{{ x }}{% endfor %}{{ x }}", "231")]
    [InlineData("{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}", "3")]
    [InlineData("{%- macro m(a, b='z') -%} [{{ a }}|{{ b }}] {%- endmacro -%} {{ m('x') }}{{ m(b=1, a=2) }}", "[x|z][2|1]")]
    [InlineData("{% set a, b = 1, 2 %}{{ a + b }}{% set c %}body {{ a }}{% endset %}[{{ c }}]", "3[body 1]")]
    [InlineData("{% generation %}g{% endgeneration %}{# c #}!", "g!")]
    [InlineData("{% raw %}{{ not }}{% endraw %}", "{{ not }}")]
    [InlineData("{{ 'tab\\tq\\'s \\u00e9 \\x41 \\\\ \\d' }}", "tab\tq's é A \\ \\d")]
    [InlineData("{{ 'line1\\nline2\\n\\nx' | indent }}", "line1\n    line2\n\n    x")]
    [InlineData("{{ {'items': 1}['items'] }}", "1")]
    public void Expressions_and_statements_print_what_Jinja_prints(string template, string expected)
    {
        Assert.Equal(expected, Render(template));
    }

    [Theory]
    [InlineData("a\n{% if true %}\nb\n{% endif %}\nc\n", "a\nb\nc")] // newlines after blocks and the last one go
    [InlineData("a\n   {% if true %}\n  b\n   {% endif %}\nc", "a\n  b\nc")] // blanks before a block go
    [InlineData("a\n   {{ 'x' }}\n", "a\n   x")] // but not before output
    [InlineData("a  {% if true %}b{% endif %}", "a  b")] // nor behind text
    [InlineData("a\n  {%+ if true +%}\nb{% endif %}", "a\n  \nb")] // a plus keeps both
    [InlineData("a \n {{- 'x' -}} \n b", "axb")]
    [InlineData("a\n {# c #}\nb", "a\nb")]
    [InlineData("a\r\nb\rc", "a\nb\nc")]
    public void White_space_is_that_of_transformers(string template, string expected)
    {
        Assert.Equal(expected, Render(template));
    }

    [Theory]
    [InlineData("{{ 1", "closed")]
    [InlineData("{% if %}", "expected a value")]
    [InlineData("{% if true %}", "endif")]
    [InlineData("{% endif %}", "endif")]
    [InlineData("{{ 'a }}", "a string that is not closed")]
    [InlineData("{# c", "a comment that is not closed")]
    [InlineData("{{ a b }}", "expected the end of the tag")]
    [InlineData("{{ ? }}", "'?'")]
    [InlineData("{% include 'x' %}", "the statement 'include'")]
    [InlineData("{{ 1 | frobnicate }}", "the filter 'frobnicate'")]
    [InlineData("{{ 1 is frobnicated }}", "the test 'frobnicated'")]
    [InlineData("{{ 'a'.frobnicate() }}", "'frobnicate'")]
    [InlineData("{{ nothing.x }}", "'nothing'")]
    [InlineData("{{ 1 + 'a' }}", "'+'")]
    [InlineData("{{ 1 // 0 }}", "division by zero")]
    [InlineData("{{ 9223372036854775807 + 1 }}", "too large")]
    [InlineData("{{ messages[0].x.y }}", "'x'")]
    [InlineData("{% set a.b = 1 %}", "no namespace")]
    [InlineData("{% for a, b in [[1]] %}{% endfor %}", "1 values for 2 names")]
    [InlineData("{{ 'a' | urlize }}", "the filter 'urlize' is not supported")]
    [InlineData("{{ 'a'.translate({}) }}", "the method 'translate' is not supported")]
    [InlineData("{{ lipsum() }}", "the function 'lipsum' is not supported")]
    [InlineData("{{ range }}", "a function is printed")]
    [InlineData("{{ '%c' % 0xD800 }}", "one character")]
    [InlineData("{{ messages[0][messages[1].content ~ '\n' * 3].x }}", "which is undefined")]
    [InlineData("{{ strftime_now('%Q') }}", "%Q")]
    [InlineData("{{ raise_exception('no\nway') }}", "no way")]
    public void Mistakes_are_named_in_one_line(string template, string named)
    {
        string message = Assert.Throws<InvalidInputException>(() => Render(template)).Message;
        Assert.Contains(named, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Theory]
    [InlineData("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")]
    [InlineData("{% for a in range(99999) %}{{ 'x' * 9999 }}{% endfor %}")]
    [InlineData("{% set n = namespace(s='x') %}{% for a in range(99) %}{% set n.s = n.s ~ n.s %}{% endfor %}")]
    [InlineData("{% set n = namespace(s=[1]) %}{% for a in range(99) %}{% set n.s = n.s + n.s %}{% endfor %}")]
    [InlineData("{% set n = namespace(s='xx') %}{% for a in range(99) %}{% set n.s = n.s.replace('x', n.s) %}{% endfor %}")]
    [InlineData("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}")]
    [InlineData("{{ 'x' * 999999999999 }}")]
    [InlineData("{{ range(999999999) }}")]
    [InlineData("{% set n = namespace(s=[1]) %}{% for a in range(90) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s }}")]
    [InlineData("{% set n = namespace(s=[1]) %}{% for a in range(90) %}{% set n.s = [n.s, n.s] %}{% endfor %}{{ n.s | tojson }}")]
    [InlineData("{% set n = namespace(s=(1,), t=(1,)) %}{% for a in range(90) %}{% set n.s = (n.s, n.s) %}{% set n.t = (n.t, n.t) %}{% endfor %}{{ n.s == n.t }}")]
    [InlineData("{% set n = namespace(s=(1,)) %}{% for a in range(90) %}{% set n.s = (n.s, n.s) %}{% endfor %}{{ {n.s: 1}[n.s] }}")]
    [InlineData("{% set n = namespace(g=[1]) %}{% for a in range(99999) %}{% set n.g = n.g | map('string') %}{% endfor %}{{ n.g | list }}")]
    [InlineData("{{ [1] * 999999999999 }}")]
    [InlineData("{{ '%999999999d' % 1 }}")]
    [InlineData("{{ '{:999999999}'.format(1) }}")]
    [InlineData("{{ '{:.99999999f}'.format(1.5) }}")]
    [InlineData("{{ '%.99999999f' % 1.5 }}")]
    [InlineData("{{ 'a'.center(999999999) }}{{ 'a'.zfill(999999999) }}")]
    [InlineData("{{ '\\t'.expandtabs(999999999999) }}")]
    [InlineData("{{ [1] | batch(999999999999, 0) | list }}")]
    [InlineData("{{ [1] | slice(999999999999) | list }}")]
    [InlineData("{{ [1] | tojson(indent=999999999999) }}{{ range(99999) | list | tojson(indent=1000) }}")]
    [InlineData("{{ ['x' * 99999] * 999 | join('y' * 99999) }}")]
    [InlineData("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}")]
    [InlineData("{{ 'a b ' * 99999 | wordwrap(1, wrapstring='x' * 99999) }}")]
    [InlineData("{{ 'x' | indent(1000) | indent(999999999) | replace('', 'y' * 3000000) }}")]
    public void Hostile_templates_end(string template)
    {
        Assert.Throws<InvalidInputException>(() => Render(template));
    }

    [Fact]
    public void Deep_templates_are_refused()
    {
        foreach (string open in (string[])["(", "[", "-", "not ", "{% if 1 %}", "1 + (", "x if "])
        {
            string deep = string.Concat(Enumerable.Repeat(open, 20_000));
            Assert.Throws<InvalidInputException>(() => Render(open[0] == '{' ? deep : "{{ " + deep));
        }

        Assert.Throws<InvalidInputException>(() => Render("{{ 1" + string.Concat(Enumerable.Repeat(" + 1", 20_000)) + " }}"));
        string nested = "{% set n = namespace(s=[]) %}{% for a in range(9999) %}{% set n.s = [n.s] %}{% endfor %}";
        Assert.Throws<InvalidInputException>(() => Render(nested + "{{ n.s }}"));
        Assert.Throws<InvalidInputException>(() => Render(nested + "{{ n.s | tojson }}"));
    }

    private static string Render(string template) =>
        new ChatTemplate(template, "<s>", "</s>").Render(Messages, addGenerationPrompt: false);
}
