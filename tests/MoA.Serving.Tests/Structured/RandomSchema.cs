using System.Text.Json.Nodes;

namespace MoA.Serving.Tests.Structured;

/// <summary>Draws schemas from the words that are supported.</summary>
internal sealed class RandomSchema
{
    private static readonly string[] Names = ["id", "name", "a", "ab", "line", "value\"s", "tägs", "x/y", "next~", "items", "type", "REGISTER_CONTENT"];

    private static readonly string[] Patterns =
    [
        "^[a-z]{2,5}$", "^\\d{3}-\\d{4}$", "[0-9]", "^(foo|bar)+$", "^[^a-c]{1,4}$", "x$", "^A", "a.c", "^\\w+\\s\\w+$", "^(?:[A-Z][a-z]{0,3} ?){1,3}$", "^$|^-$",
        "^[\\S]{1,6}$", "^[\\u00e4-\\u00fc\"\\\\]{1,3}$", "(^a|b$)", "\\n", "^.{0,5}$",
    ];

    private static readonly string[] Formats =
        ["date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6", "uuid", "uri"];

    private readonly Random _random;
    private readonly JsonObject _definitions = [];

    private RandomSchema(int seed) => _random = new Random(seed);

    /// <summary>The text of a schema.</summary>
    public static string Draw(int seed)
    {
        RandomSchema draw = new(seed);
        JsonObject schema = draw._random.Next(3) > 0 ? draw.Object(3) : draw.Any(3);
        if (draw._definitions.Count > 0)
            schema["$defs"] = draw._definitions;
        return schema.ToJsonString();
    }

    private JsonObject Any(int depth) => _random.Next(depth > 0 ? 20 : 11) switch
    {
        0 or 1 => Text(),
        2 => new JsonObject { ["type"] = "string", ["pattern"] = Pick(Patterns) },
        3 => new JsonObject { ["type"] = "string", ["format"] = Pick(Formats) },
        4 or 5 => Integer(),
        6 => Number(),
        7 => new JsonObject { ["type"] = "boolean" },
        8 => Values(),
        9 => Types(),
        10 => Maybe() ? new JsonObject { ["type"] = "null", ["description"] = "nothing" } : new JsonObject { ["const"] = Constant() },
        11 or 12 or 13 => Object(depth - 1),
        14 or 15 => Array(depth - 1),
        16 => new JsonObject { ["anyOf"] = new JsonArray(Any(depth - 1), Any(depth - 1)) },
        17 => OneOf(depth - 1),
        18 => Reference(depth - 1),
        _ => AllOf(depth - 1),
    };

    private JsonObject Text()
    {
        JsonObject schema = new() { ["type"] = "string" };
        int least = Maybe() ? _random.Next(6) : 0;
        if (least > 0)
            schema["minLength"] = least;
        if (_random.Next(10) > 0)
            schema["maxLength"] = least + _random.Next(12);
        if (_random.Next(6) == 0)
            schema["pattern"] = Pick(["[a-z]", "^[ -~]*$"]);
        return schema;
    }

    private JsonObject Integer()
    {
        JsonObject schema = new() { ["type"] = "integer" };
        int least = _random.Next(-2000, 2000);
        if (Maybe())
            schema[Maybe() ? "minimum" : "exclusiveMinimum"] = least;
        if (Maybe())
            schema[Maybe() ? "maximum" : "exclusiveMaximum"] = least + 60 + _random.Next(5000);
        if (_random.Next(4) == 0)
            schema["multipleOf"] = _random.Next(1, 25);
        return schema;
    }

    private JsonObject Number()
    {
        JsonObject schema = new() { ["type"] = "number" };
        decimal least = _random.Next(-20000, 20000) / (decimal)Math.Pow(10, _random.Next(4));
        if (Maybe())
            schema[Maybe() ? "minimum" : "exclusiveMinimum"] = least;
        if (Maybe())
            schema[Maybe() ? "maximum" : "exclusiveMaximum"] = least + ((1 + _random.Next(300)) / 100m);
        return schema;
    }

    private JsonObject Values()
    {
        JsonArray values = [];
        for (int i = _random.Next(1, 5); i >= 0; i--)
            values.Add(Constant());
        return new JsonObject { ["enum"] = values };
    }

    private JsonNode? Constant() => _random.Next(8) switch
    {
        0 => null,
        1 => Maybe(),
        2 => _random.Next(-50, 50),
        3 => _random.Next(-5000, 5000) / 100m,
        4 => new JsonArray(1, "two", new JsonObject { ["three"] = null }),
        5 => "a \"quoted\" text\twith \u00fc and \U0001F600",
        _ => Pick(Names) + _random.Next(10),
    };

    private JsonObject Types()
    {
        JsonObject schema = new() { ["type"] = new JsonArray("null", Pick(["string", "integer", "boolean", "number"])) };
        if (Maybe())
            schema["maxLength"] = 5;
        if (Maybe())
            schema["minimum"] = 10;
        return schema;
    }

    private JsonObject Object(int depth)
    {
        JsonObject properties = [];
        JsonArray required = [];
        foreach (string name in Names.Where(_ => _random.Next(5) == 0))
        {
            properties[name] = Any(depth);
            if (_random.Next(3) > 0)
                required.Add(name);
        }

        JsonObject schema = new() { ["type"] = "object", ["properties"] = properties, ["required"] = required };
        switch (_random.Next(12))
        {
            case 0:
                schema["additionalProperties"] = Text();
                break;
            case 1:
                schema["additionalProperties"] = Integer();
                break;
            case 2:
                break;
            default:
                schema["additionalProperties"] = false;
                break;
        }

        return schema;
    }

    private JsonObject Array(int depth)
    {
        JsonObject schema = new() { ["type"] = "array", ["items"] = Any(depth) };
        int least = _random.Next(3);
        if (least > 0)
            schema["minItems"] = least;
        if (_random.Next(4) > 0)
            schema["maxItems"] = least + _random.Next(4);
        if (_random.Next(4) == 0)
            schema["prefixItems"] = new JsonArray(Any(depth), Any(0));
        return schema;
    }

    private JsonObject OneOf(int depth)
    {
        if (Maybe())
        {
            return new JsonObject
            {
                ["oneOf"] = new JsonArray(Text(), Integer(), Array(depth), Object(depth), new JsonObject { ["type"] = "null" }),
            };
        }

        JsonArray options = [];
        for (int i = 0; i < 3; i++)
        {
            JsonObject option = Object(depth);
            option["properties"]!["kind"] = new JsonObject { ["const"] = "kind" + i };
            option["required"]!.AsArray().Add("kind");
            options.Add(option);
        }

        return new JsonObject { ["oneOf"] = options };
    }

    private JsonObject AllOf(int depth)
    {
        JsonObject one = Object(depth), other = Object(depth);
        _ = one.Remove("additionalProperties");
        _ = other.Remove("additionalProperties");
        foreach (string name in one["properties"]!.AsObject().Select(property => property.Key).ToArray())
            _ = other["properties"]!.AsObject().Remove(name);
        other["required"] = new JsonArray([.. other["properties"]!.AsObject().Select(property => (JsonNode)property.Key)]);
        return new JsonObject { ["allOf"] = new JsonArray(one, other) };
    }

    private JsonObject Reference(int depth)
    {
        string name = "d~/ä" + _definitions.Count;
        JsonObject definition = new() { ["title"] = "to be described" };
        _definitions[name] = definition;
        string pointer = "#/$defs/d~0~1%C3%A4" + name[4..];
        JsonObject described = Object(depth);
        if (Maybe())
            described["properties"]!["again"] = new JsonObject { ["$ref"] = pointer };
        else
            described["properties"]!["more"] = new JsonObject { ["type"] = "array", ["maxItems"] = 2, ["items"] = new JsonObject { ["$ref"] = pointer } };
        foreach (string word in described.Select(property => property.Key).ToArray())
        {
            JsonNode value = described[word]!;
            _ = described.Remove(word);
            definition[word] = value;
        }

        return new JsonObject { ["$ref"] = pointer };
    }

    private bool Maybe() => _random.Next(2) == 0;

    private string Pick(string[] options) => options[_random.Next(options.Length)];
}
