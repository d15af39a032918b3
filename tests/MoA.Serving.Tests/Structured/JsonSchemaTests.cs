using MoA.Engine;
using MoA.Serving.Structured;

namespace MoA.Serving.Tests.Structured;

/// <summary>Which texts schemas let be written, and which never.</summary>
public sealed class JsonSchemaTests
{
    public static TheoryData<string?, string[], string[]> Cases() => new()
    {
        {
            null,
            ["{}", """{"a":1}""", """{ "a": [1, {"b": null}], "c": "\ud83d\ude00\n" }""", "{\n  \"a\": true\n}", """{"a":{"a":1},"":-0.5e3}"""],
            ["[]", "1", "", "{ }", """{"a":1,"a":2}""", """{"a":1,}""", "{\"a\":1}\n", """{"a" :1}""", """{"a":01}""", """{"a":"\ud83d"}""",
                """{"a":"\udc00"}""", "{\"a\":\"\t\"}", """{"a":  1}""", "{\n\n\"a\":1}", """{"a\/b":1}""", """{"a":.5}""", """{"a":1.}"""]
        },
        {
            """{"type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"},"c":{"type":"null"}},"required":["b"]}""",
            ["""{"b":""}""", """{"a":1,"b":"x"}""", """{"a":-10,"b":"x","c":null}""", """{"b":"x","c":null}"""],
            ["{}", """{"a":1}""", """{"b":"x","a":1}""", """{"b":"x","d":1}""", """{"b":"x","b":"x"}""", """{"a":1.0,"b":""}""", """{"b":null}"""]
        },
        {
            """{"properties":{"a":{"type":"boolean"}},"additionalProperties":{"type":"integer"}}""",
            ["{}", """{"a":true}""", """{"a":true,"b":1}""", """{"b":1,"c":2}""", """{"ab":1}"""],
            ["""{"a":1}""", """{"b":true}""", """{"b":1,"a":true}""", """{"b":1,"b":2}""", """{"a":true,"a":1}""", """{"\u0061":1}""", "[]"]
        },
        {
            """{"type":"object","additionalProperties":false}""", ["{}"], ["""{"a":1}"""]
        },
        {
            """{"type":"object","required":["x","y"],"additionalProperties":{"type":"null"}}""",
            ["""{"x":null,"y":null}""", """{"x":null,"y":null,"z":null}"""], ["""{"x":null}""", """{"x":1,"y":null}""", "{}"]
        },
        {
            """{"type":"array","items":{"type":"integer"},"minItems":1,"maxItems":3}""",
            ["[1]", "[1,2,3]", "[ 1, 2 ]", "[\n\t1\n]"], ["[]", "[1,2,3,4]", "[1,]", "[1 ,2]", "[null]"]
        },
        {
            """{"type":"array","prefixItems":[{"type":"integer"},{"type":"string"}]}""",
            ["[]", "[1]", """[1,"a"]"""], ["""["a"]""", """[1,"a",2]"""]
        },
        {
            """{"type":"array","prefixItems":[{"type":"integer"}],"items":{"const":null},"minItems":2}""",
            ["[1,null]", "[1,null,null]"], ["[1]", "[null,null]", "[1,1]"]
        },
        { """{"type":"array","items":false}""", ["[]"], ["[1]"] },
        { """{"type":"string","minLength":2,"maxLength":3}""", ["\"ab\"", "\"äöü\"", "\"😀\\n\"", "\"\\ud83d\\ude00a\""], ["\"a\"", "\"abcd\"", "\"😀\"", "ab"] },
        { """{"enum":["a","a\"b",1,1.5,null,[1,{"b":2}],true]}""", ["\"a\"", "\"a\\\"b\"", "1", "1.5", "null", "[1,{\"b\":2}]", "true"], ["\"b\"", "2", "1.0", "\"\""] },
        { """{"enum":["a",1,5],"type":"integer","minimum":2}""", ["5"], ["1", "\"a\"", "2"] },
        { """{"const":{"a":[]}}""", ["{\"a\":[]}"], ["{}", "{\"a\": []}"] },
        { """{"type":["string","null"],"maxLength":1}""", ["null", "\"a\"", "\"\""], ["\"ab\"", "1"] },
        { "true", ["1", "\"a\"", "[[]]", "{\"a\":{}}", "null", "false"], ["", "nul", "01"] },
        { """{"type":"integer"}""", ["0", "-1", "123456789012345"], ["-0", "1.5", "1234567890123456", "+1", "00", "1e3"] },
        { """{"type":"number"}""", ["0", "-1.25", "1e10", "1E-05", "0.0000000001"], ["-", "1e", ".1", "1.", "1e999", "0.12345678901"] },
        { """{"type":"integer","minimum":-3,"exclusiveMaximum":12}""", ["-3", "0", "11", "9"], ["-4", "12", "-30", "100", "-0"] },
        { """{"type":"integer","minimum":1.5,"maximum":7.5,"multipleOf":3}""", ["3", "6"], ["1", "2", "0", "9"] },
        { """{"type":"integer","minimum":9007199254740993}""", ["9007199254740993", "90071992547409930"], ["9007199254740992", "0", "-9007199254740993"] },
        { """{"type":"integer","format":"int64","minimum":-9007199254740991,"maximum":9007199254740991}""", ["9007199254740991", "-9007199254740991", "0"], ["9007199254740992", "-9007199254740992"] },
        { """{"anyOf":[{"type":"string"},{"type":"null"}],"default":null,"title":"Name"}""", ["null", "\"null\""], ["1"] },
        { """{"type":["string","integer"],"pattern":"^-?(?:0|[1-9]\\d*)$"}""", ["12", "\"-12\""], ["\"012\"", "\"a\""] },
        { """{"type":"integer","maximum":-100}""", ["-100", "-99999"], ["-99", "0", "100"] },
        { """{"type":"number","minimum":0.25,"maximum":1.5}""", ["0.25", "0.250", "0.3", "1", "1.5", "1.50", "1.49"], ["0.2499", "0", "0.2", "1.51", "2", "-0.3", "1e0"] },
        { """{"type":"number","exclusiveMinimum":-1.05,"exclusiveMaximum":0}""", ["-1", "-1.04999", "-0.1", "-0.00001"], ["-1.05", "-1.050", "0", "-0", "-0.0", "-1.1", "0.1"] },
        { """{"type":"number","minimum":10}""", ["10", "10.0", "123456789.5"], ["9.99", "-10", "1"] },
        { """{"type":"number","multipleOf":2}""", ["2", "-4", "0"], ["1", "2.5"] },
        { """{"type":"string","pattern":"b+"}""", ["\"b\"", "\"abba\"", "\"\\\"b😀\""], ["\"\"", "\"a\"", "\"\\b\""] },
        { """{"type":"string","pattern":"^b+$"}""", ["\"b\"", "\"bbb\""], ["\"\"", "\"ab\"", "\"b\\n\"", "\"ba\""] },
        { """{"type":"string","pattern":"^(a|b$)"}""", ["\"a\"", "\"ax\"", "\"b\""], ["\"bx\"", "\"xa\"", "\"\""] },
        { """{"type":"string","pattern":"^[^\"\\\\a]{2}\\.\\d$"}""", ["\"xy.1\"", "\"\\n .0\"", "\"ää.9\""], ["\"ax.1\"", "\"\\\"\\\".1\"", "\"xyz1\"", "\"x.1\""] },
        { """{"type":"string","pattern":"^[\\u0000-\\u001f\"]$"}""", ["\"\\\"\"", "\"\\t\"", "\"\\u0001\""], ["\"\\u0009\"", "\" \"", "\"\"\""] },
        { """{"type":"string","pattern":"^a*$","minLength":2,"maxLength":4}""", ["\"aa\"", "\"aaaa\""], ["\"a\"", "\"aaaaa\"", "\"ab\""] },
        { """{"type":"string","format":"date"}""", ["\"2024-02-29\"", "\"2000-02-29\"", "\"1999-12-31\""], ["\"2023-02-29\"", "\"1900-02-29\"", "\"2024-04-31\"", "\"2024-1-01\"", "\"2024-13-01\""] },
        { """{"type":"string","format":"date-time"}""", ["\"2024-02-29T23:59:59Z\"", "\"2024-01-01T00:00:00.5+01:30\""], ["\"2024-02-29T24:00:00Z\"", "\"2024-02-29\"", "\"2024-02-29T23:59:59\""] },
        { """{"type":"string","format":"ipv4"}""", ["\"0.0.0.0\"", "\"255.1.20.199\""], ["\"256.0.0.1\"", "\"1.2.3\"", "\"01.2.3.4\""] },
        { """{"type":"string","format":"ipv6"}""", ["\"::\"", "\"1:2:3:4:5:6:7:8\"", "\"fe80::1\""], ["\"1:2:3\"", "\":::\"", "\"1::2::3\"", "\"12345::\""] },
        { """{"type":"string","format":"uuid"}""", ["\"123e4567-e89b-12d3-a456-426614174000\""], ["\"123e4567e89b12d3a456426614174000\"", "\"g23e4567-e89b-12d3-a456-426614174000\""] },
        { """{"anyOf":[{"type":"object","properties":{"a":{"const":1}},"required":["a"]},{"type":"object","properties":{"a":{"const":2},"b":{"const":3}}}]}""",
            ["{\"a\":1}", "{\"a\":2}", "{\"a\":2,\"b\":3}", "{\"b\":3}", "{}"], ["{\"a\":3}", "{\"a\":1,\"b\":3}"] },
        { """{"oneOf":[{"type":"integer","maximum":3},{"type":"integer","minimum":4,"maximum":5},{"type":"string"}]}""", ["3", "4", "\"\""], ["6", "null"] },
        { """{"allOf":[{"properties":{"a":{"type":"integer"}},"required":["a"]},{"properties":{"a":{"minimum":5},"b":{"type":"null"}}}],"maximum":3}""",
            ["{\"a\":5}", "{\"a\":7,\"b\":null}", "3"], ["{\"a\":4}", "{}", "{\"a\":\"x\"}", "4"] },
        { """{"$ref":"#/$defs/list","$defs":{"list":{"type":"object","properties":{"v":{"type":"boolean"},"next":{"$ref":"#/$defs/list"}},"required":["v"],"additionalProperties":false}}}""",
            ["{\"v\":true}", "{\"v\":true,\"next\":{\"v\":false,\"next\":{\"v\":true}}}"], ["{\"next\":{}}", "{\"v\":true,\"next\":{}}"] },
        { """{"anyOf":[{"type":"array","items":{"$ref":"#"}},{"type":"integer"}]}""", ["1", "[]", "[[1],[[]]]"], ["[\"\"]", "[1"] },
        { """{"definitions":{"a/b":{"type":"null"}},"items":{"$ref":"#/definitions/a~1b"},"minItems":1}""", ["[null]"], ["[1]", "[]", "null"] },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public void Texts_are_taken_or_not(string? schema, string[] taken, string[] refused)
    {
        Grammar grammar = Acceptor.Compile(schema);
        Assert.All(taken, text => Assert.True(Acceptor.Accepts(grammar, text), $"{text} is valid under {schema}"));
        Assert.All(refused, text => Assert.False(Acceptor.Accepts(grammar, text), $"{text} is not to be written under {schema}"));
    }

    [Theory]
    [InlineData("""{"type":"string","pattern":"^(?=a)"}""", "schema #: the pattern at character 3: looking ahead or behind is not supported")]
    [InlineData("""{"properties":{"a":{"not":{}}}}""", "schema #/properties/a: the word 'not' is not supported")]
    [InlineData("""{"items":{"uniqueItems":true}}""", "schema #/items: the word 'uniqueItems' is not supported")]
    [InlineData("""{"patternProperties":{}}""", "schema #: the word 'patternProperties' is not supported")]
    [InlineData("""{"properties":{"a/b~":{"anyOf":[{"if":true}]}}}""", "schema #/properties/a~1b~0/anyOf/0: the word 'if' is not supported")]
    [InlineData("""{"type":"string","nullable":true}""", "schema #: the word 'nullable' is not supported; write \"type\": [\"string\", \"null\"] or the like")]
    [InlineData("""{"type":"text"}""", "schema #: type 'text' is none of null, boolean, integer, number, string, array, object")]
    [InlineData("""{"format":"regex"}""", "schema #: format 'regex' is not supported; there are date-time, date, time, duration, email, hostname, ipv4, ipv6, uuid, uri")]
    [InlineData("""{"type":"number","multipleOf":0.01}""", "schema #: multipleOf 0.01: only whole numbers from 1 to 10000 are supported")]
    [InlineData("""{"oneOf":[{"type":"string"},{"type":"string","maxLength":3}]}""", "schema #: oneOf: a value might satisfy both 0 and 1;")]
    [InlineData("""{"oneOf":[{"required":["a"]},{"required":["b"]}]}""", "schema #: oneOf: a value might satisfy both 0 and 1;")]
    [InlineData("""{"$ref":"#"}""", "schema #: refers to itself without end")]
    [InlineData("""{"anyOf":[{"type":"null"},{"$ref":"#/anyOf/1"}]}""", "schema #/anyOf/1: refers to itself without end")]
    [InlineData("""{"$ref":"#/$defs/a"}""", "schema #: $ref '#/$defs/a' points to nothing")]
    [InlineData("""{"$ref":"https://example.com/a.json"}""", "schema #: $ref 'https://example.com/a.json': only references within the schema")]
    [InlineData("""{"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]}""", "schema: nothing satisfies it, or only values with more than 32 lists and objects")]
    [InlineData("""{"type":"string","minLength":3,"maxLength":2}""", "schema: nothing satisfies it")]
    [InlineData("""{"type":"integer","minimum":1.2,"maximum":1.8}""", "schema: nothing satisfies it")]
    [InlineData("false", "schema: nothing satisfies it")]
    [InlineData("""{"properties":[]}""", "schema #: properties: expected an object of schemas")]
    [InlineData("""{"items":[{}]}""", "schema #/items: expected a schema: an object, true or false")]
    [InlineData("""{"minLength":-1}""", "schema #: minLength: expected a whole number from 0 on")]
    [InlineData("""{"minimum":"1"}""", "schema #: minimum: expected a number of up to 30 digits before and behind the point")]
    [InlineData("""{"minimum":1e400}""", "schema #: minimum: expected a number of up to 30 digits before and behind the point")]
    [InlineData("""{"required":"a"}""", "schema #: required: expected a list of names")]
    [InlineData("""{"enum":1}""", "schema #: enum: expected a list of values")]
    [InlineData("""{"anyOf":[]}""", "schema #: anyOf: expected a list of schemas")]
    [InlineData("""{"pattern":"a{2"}""", "schema #: the pattern at character 3: expected {n}, {n,} or {n,m}")]
    [InlineData("""{"pattern":"(a"}""", "schema #: the pattern at character 2: a group lacks its ')'")]
    [InlineData("""{"pattern":"\\1"}""", "schema #: the pattern at character 2: '\\1' is not supported")]
    [InlineData("""{"pattern":"\\bword\\b"}""", "schema #: the pattern at character 2: '\\b' is not supported")]
    [InlineData("""{"const":"\ud800"}""", "schema: no JSON that can be read: ")]
    [InlineData("""{"\udc00":1}""", "schema: no JSON that can be read: ")]
    [InlineData("""{"type":"object","type":"string"}""", "schema: no JSON that can be read: ")]
    [InlineData("{", "schema: no JSON that can be read: ")]
    [InlineData("1", "schema #: expected a schema: an object, true or false")]
    public void What_is_not_supported_is_refused_by_name(string schema, string message)
    {
        string said = Assert.Throws<InvalidInputException>(() => Acceptor.Compile(schema)).Message;
        Assert.StartsWith(message, said, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', said);
    }

    [Fact]
    public void White_space_and_depth_are_bounded()
    {
        Grammar grammar = Acceptor.Compile((string?)null);
        Assert.True(Acceptor.Accepts(grammar, "{\n" + new string(' ', 32) + "\"a\":1\n}"));
        Assert.False(Acceptor.Accepts(grammar, "{\n" + new string(' ', 33) + "\"a\":1\n}"));
        Assert.True(Acceptor.Accepts(grammar, "{\"a\":" + new string('[', 31) + new string(']', 31) + "}"));
        Assert.False(Acceptor.Accepts(grammar, "{\"a\":" + new string('[', 32) + new string(']', 32) + "}"));
        Assert.Equal(['"'], Acceptor.Following(grammar, "{ ").Where(value => value != ' '));
    }

    [Fact]
    public void Every_way_leads_to_an_end()
    {
        // Only the value that ends the list fits into the depth that is left.
        Grammar grammar = Acceptor.Compile("""{"$defs":{"n":{"type":"object","properties":{"n":{"anyOf":[{"$ref":"#/$defs/n"},{"type":"null"}]}},"required":["n"]}},"$ref":"#/$defs/n"}""");
        string text = string.Concat(Enumerable.Repeat("{\"n\":", 32));
        Assert.Equal([' ', 'n'], Acceptor.Following(grammar, text));
        Assert.True(Acceptor.Accepts(grammar, text + "null" + new string('}', 32)));
    }

    [Theory]
    [InlineData("[\"\\ud8", "[0-9a-fA-F]")]
    [InlineData("[\"\\ud83d", "[\\\\]")]
    [InlineData("[\"\\ud83d\\u", "[dD]")]
    [InlineData("[\"\\ud83d\\ud", "[c-fC-F]")]
    [InlineData("[\"\\", "[\"\\\\/bfnrtu]")]
    [InlineData("[-", "[0-9]")]
    [InlineData("[0", "[.eE,\\] \n]")]
    public void What_may_follow_is_what_JSON_says(string text, string expected)
    {
        int[] following = Acceptor.Following(Acceptor.Compile("""{"type":"array"}"""), text);
        Assert.Equal(Enumerable.Range(0, 256).Where(value => System.Text.RegularExpressions.Regex.IsMatch(((char)value).ToString(), expected)), following);
    }
}
