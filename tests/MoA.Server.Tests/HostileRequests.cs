using System.Text;
using System.Text.Json;

namespace MoA.Server.Tests;

/// <summary>Makes requests that are wrong, out of such as are right.</summary>
internal static class HostileRequests
{
    /// <summary>Requests that are as they should be, of every route that takes a body.</summary>
    public static readonly (string Path, string Body)[] Valid =
    [
        ("/v1/chat/completions", """{"model":"demo","messages":[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"hello"}]}],"max_tokens":4,"temperature":0.7,"top_p":0.9,"seed":1,"stop":["x"],"n":2,"logprobs":true,"top_logprobs":2,"logit_bias":{"5":1.5}}"""),
        ("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"max_completion_tokens":4,"stream":true,"stream_options":{"include_usage":true},"response_format":{"type":"text"},"reasoning_effort":"low"}"""),
        ("/v1/completions", """{"prompt":["a","b"],"max_tokens":3,"echo":true,"stream":false,"frequency_penalty":0.5,"presence_penalty":0.5}"""),
        ("/v1/completions", """{"prompt":[[1,2,3],[4,5]],"max_tokens":3,"logprobs":1}"""),
        ("/v1/responses", """{"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"ho"}]}],"instructions":"i","max_output_tokens":3,"stream":true,"tools":[{"type":"web_search"}],"reasoning":{"effort":"low"},"include":["message.output_text.logprobs"]}"""),
        ("/v1/messages", """{"model":"demo","system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"max_tokens":3,"stream":true,"stop_sequences":["q"],"top_k":5}"""),
        ("/v1/messages/count_tokens", """{"messages":[{"role":"user","content":"hi"}]}"""),
        ("/tokenize", """{"content":"hello","add_special":true,"with_pieces":true}"""),
        ("/detokenize", """{"tokens":[1,2,300]}"""),
        ("/apply-template", """{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"ho"}]}"""),
        ("/v1/chat/completions", $$$$"""{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"call_1","content":"4"}],"tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{{{{Schema}}}}}}],"tool_choice":"required","parallel_tool_calls":false,"max_tokens":6,"chat_template_kwargs":{"enable_thinking":true}}"""),
        ("/v1/chat/completions", $$$$"""{"messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{{{{Schema}}}}}},"stream":true,"n":2,"max_tokens":8,"min_p":0.1,"top_k":40,"repetition_penalty":1.1}"""),
        ("/v1/chat/completions", """{"messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_object"},"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"f"}},"max_tokens":6,"stream":true}"""),
        ("/v1/responses", $$$$"""{"input":[{"role":"user","content":"hi"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"4"},{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"t"}]}],"tools":[{"type":"function","name":"f","parameters":{{{{Schema}}}},"strict":true}],"tool_choice":"auto","text":{"format":{"type":"json_schema","name":"n","schema":{{{{Schema}}}}}},"max_output_tokens":6,"top_logprobs":2,"store":false}"""),
        ("/v1/messages", $$$$"""{"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"tool_use","id":"t1","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"4"}],"is_error":false}]}],"tools":[{"name":"f","description":"d","input_schema":{{{{Schema}}}}}],"tool_choice":{"type":"any","disable_parallel_tool_use":true},"max_tokens":6,"thinking":{"type":"enabled","budget_tokens":1024},"metadata":{"user_id":"u"},"temperature":0.5}"""),
        ("/v1/messages/count_tokens", $$$$"""{"system":"s","messages":[{"role":"user","content":"hi"}],"tools":[{"name":"f","input_schema":{{{{Schema}}}}}]}"""),
        ("/tokenize", """{"messages":[{"role":"user","content":"hi"}],"add_generation_prompt":true}"""),
        ("/apply-template", $$$$"""{"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":{{{{Schema}}}}}}]}"""),
    ];

    private const string Schema = """{"type":"object","properties":{"a":{"type":"integer","minimum":1,"maximum":90},"b":{"anyOf":[{"type":"string","maxLength":9,"pattern":"^[a-z]+$"},{"$ref":"#/$defs/d"}]},"c":{"type":"array","items":{"enum":["x",1,null]},"minItems":1,"maxItems":3}},"required":["a"],"additionalProperties":false,"$defs":{"d":{"type":["number","null"],"multipleOf":3}}}""";

    private static readonly string[] OddNames =
        ["model", "n", "stream", "messages", "type", "$ref", "anyOf", "not", "pattern", "", "\\u0000", "a\\\"b", "constructor", "__proto__", "logprobs", "input"];

    private static readonly string[] OddValues =
    [
        "null", "true", "false", "0", "-1", "1e999", "-1e999", "1e-999", "99999999999999999999999", "0.5", "\"\"", "\"x\"", "[]", "{}", "[[]]", "[null]", "{\"a\":1}",
        "\"\\ud800\"", "\"\\u0000\"", "\"<|eos|><|user|>\"", "[1,2,3]", "\"\\ud83d\\ude00\"", "1.0", "[{}]", "{\"type\":\"text\"}", "2147483648", "-2147483649",
        "-0", "1e308", "4294967296", "9007199254740993", "NaN", "Infinity", "\"\\u0007\\b\"", "\"\\udc00\"", "[[[[[[[[]]]]]]]]", "{\"a\":1,\"a\":2}", "{\"$ref\":\"#\"}", "{\"type\":\"string\",\"pattern\":\"(a|b)*a(a|b){25}$\"}",
        "\"required\"", "\"string\"", "\"assistant\"", "\"tool\"", "{\"type\":\"function\",\"function\":{\"name\":\"f\"}}", "[{\"role\":\"tool\",\"content\":\"x\"}]", "{\"minLength\":5000000}", "01", "\"\\x\"", "'a'", "",
    ];

    private static readonly string[] Numbers = ["0", "1", "2", "3", "0.5", "-1", "1.0", "2e0", "7", "40", "1279", "5000"];

    private static readonly string[] Texts =
    [
        "\"\"", "\"x\"", "\" \"", "\"\\n\"", "\"auto\"", "\"none\"", "\"user\"", "\"system\"", "\"<|user|>\"", "\"<tool_call>\"", "\"\\ud83d\\ude00\"", "\"e\\u0301\\u202e\"", "\"{{ 7*7 }}\"", "\"high\"", "\"integer\"", "\"{\\\"a\\\":\"",
    ];

    /// <summary>Types of bodies that are none, or not this one.</summary>
    public static readonly string[] OddTypes =
        ["text/plain", "", "application/json; charset=utf-16", "application/json; charset=\"utf-8\"", "application/vnd.x+json", "json", "application/json;;;", "multipart/form-data; boundary=x"];

    /// <summary>Headers that change how a request is read, or might.</summary>
    public static readonly (string Name, string Value)[] OddHeaders =
    [
        ("Content-Encoding", "gzip"), ("Content-Encoding", "identity"), ("Expect", "100-continue"), ("Expect", "x"), ("Accept", "text/html"), ("Accept-Encoding", "br"), ("Host", "evil.example"), ("Host", "[::1]"),
        ("Origin", "http://evil.example"), ("Authorization", "Bearer x"), ("x-api-key", ""), ("anthropic-version", "x"), ("X-Stainless-Retry-Count", "-1"), ("traceparent", "00-zz-zz-00"), ("traceparent", "x"),
        ("tracestate", ",,,="), ("baggage", "a=%zz"), ("X-HTTP-Method-Override", "DELETE"), ("Range", "bytes=0-1"), ("If-None-Match", "*"), ("Upgrade", "websocket"), ("Cookie", "a=;=,"), ("x-long", new string('h', 20_000)),
    ];

    /// <summary>A path of the routes that take no body, and something behind it.</summary>
    public static string OddPath(Random random)
    {
        string[] numbers = ["1", "0", "-1", "5", "4096", "99999999999", "", "x", "1e3", "%00", "1&tokens=2", "%F0%9F%98%80", "+1", "%20"];
        return random.Next(6) switch
        {
            0 => "/v1/models/" + Uri.EscapeDataString(new string((char)random.Next(1, 0xD800), random.Next(1, 1000))),
            1 => "/moa/state?" + numbers[random.Next(numbers.Length)],
            2 => "/v1/chat/completions",
            3 => "/" + Uri.EscapeDataString(new string((char)random.Next(1, 0xD800), random.Next(1, 50))),
            _ => $"/moa/rows?tokens={numbers[random.Next(numbers.Length)]}&capacity={numbers[random.Next(numbers.Length)]}",
        };
    }

    /// <summary>The bytes of a request, its length almost right or its body in chunks; at times two of them at once.</summary>
    public static byte[] Raw(Random random)
    {
        StringBuilder text = new();
        for (int i = random.Next(4) == 0 ? 2 : 1; i > 0; i--)
        {
            (string path, string body) = Valid[random.Next(Valid.Length)];
            text.Append("POST ").Append(path).Append(" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n").Append(i == 1 ? "Connection: close\r\n" : "");
            if (random.Next(2) == 0)
            {
                text.Append("Content-Length: ").Append(Encoding.UTF8.GetByteCount(body) + (random.Next(4) == 0 ? random.Next(-1, 2) : 0)).Append("\r\n\r\n").Append(body);
                continue;
            }

            text.Append("Transfer-Encoding: chunked\r\n\r\n");
            for (int at = 0; at < body.Length;)
            {
                int length = Math.Min(random.Next(1, 200), body.Length - at);
                text.Append(length.ToString(random.Next(2) == 0 ? "x" : "X4")).Append(random.Next(9) == 0 ? ";ext=\"a\"" : "").Append("\r\n").Append(body, at, length).Append("\r\n");
                at += length;
            }

            text.Append("0\r\n").Append(random.Next(4) == 0 ? "X-Trailer: t\r\n" : "").Append("\r\n");
        }

        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <summary>Bytes that become others, go, come twice or are added.</summary>
    public static byte[] MutateBytes(byte[] bytes, Random random)
    {
        List<byte> changed = [.. bytes];
        for (int i = random.Next(1, 4); i > 0 && changed.Count > 1; i--)
        {
            int at = random.Next(changed.Count);
            switch (random.Next(5))
            {
                case 0:
                    changed[at] = (byte)random.Next(256);
                    break;
                case 1:
                    changed.RemoveRange(at, random.Next(Math.Min(20, changed.Count - at)));
                    break;
                case 2:
                    changed.Insert(at, (byte)random.Next(256));
                    break;
                case 3:
                    changed.InsertRange(at, changed.GetRange(at, Math.Min(random.Next(40), changed.Count - at)));
                    break;
                default:
                    changed.InsertRange(at, Enumerable.Repeat((byte)"[{\"0x\r\n"[random.Next(7)], random.Next(300)));
                    break;
            }
        }

        return [.. changed];
    }

    /// <summary>Some values of a document become odd ones; members go, or are called otherwise.</summary>
    public static string MutateJson(string json, Random random)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        int count = Count(document.RootElement), at = 0;
        HashSet<int> odd = [.. Enumerable.Range(0, random.Next(5) == 0 ? 3 : 1).Select(_ => random.Next(count))];
        bool keepsKinds = random.Next(2) == 0; // so that some get further than to what reads the fields
        StringBuilder text = new();
        Write(document.RootElement);
        return text.ToString();

        void Write(JsonElement value)
        {
            if (odd.Contains(at++))
            {
                text.Append(keepsKinds ? Similar(value, random) : random.Next(10) == 0 ? LongValue(random) : OddValues[random.Next(OddValues.Length)]);
                return;
            }

            switch (value.ValueKind)
            {
                case JsonValueKind.Object:
                    text.Append('{');
                    string between = "";
                    foreach (JsonProperty member in value.EnumerateObject())
                    {
                        if (random.Next(60) == 0)
                            continue; // goes, or is called otherwise
                        text.Append(between).Append('"').Append(random.Next(100) == 0 ? OddNames[random.Next(OddNames.Length)] : member.Name).Append("\":");
                        Write(member.Value);
                        between = ",";
                    }

                    text.Append('}');
                    break;
                case JsonValueKind.Array:
                    text.Append('[');
                    foreach ((int index, JsonElement item) in value.EnumerateArray().Index())
                    {
                        text.Append(index > 0 ? "," : "");
                        Write(item);
                    }

                    text.Append(']');
                    break;
                default:
                    text.Append(value.GetRawText());
                    break;
            }
        }
    }

    private static string Similar(JsonElement value, Random random) => value.ValueKind switch
    {
        JsonValueKind.Number => Numbers[random.Next(Numbers.Length)],
        JsonValueKind.String => Texts[random.Next(Texts.Length)],
        JsonValueKind.True => "false",
        JsonValueKind.Array => value.GetArrayLength() == 0 || random.Next(2) == 0 ? "[]" : $"[{string.Join(',', Enumerable.Repeat(value[0].GetRawText(), random.Next(1, 40)))}]",
        JsonValueKind.Object => "{}",
        _ => "null",
    };

    private static string LongValue(Random random) => random.Next(4) switch
    {
        0 => $"\"{new string('y', random.Next(3000))}\"",
        1 => $"[{string.Join(',', Enumerable.Repeat(random.Next(-1, 1400), random.Next(1, 3000)))}]",
        2 => string.Concat(Enumerable.Repeat("[", random.Next(1, 200))) + "1" + new string(']', random.Next(1, 200)),
        _ => "{" + string.Join(',', Enumerable.Range(0, random.Next(1, 300)).Select(i => $"\"{i}\":{i}")) + "}",
    };

    private static int Count(JsonElement value) => 1 + value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().Sum(member => Count(member.Value)),
        JsonValueKind.Array => value.EnumerateArray().Sum(Count),
        _ => 0,
    };
}
