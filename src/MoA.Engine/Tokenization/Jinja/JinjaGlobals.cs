namespace MoA.Engine.Tokenization.Jinja;

/// <summary>The functions that Jinja and transformers give to chat templates.</summary>
internal static class JinjaGlobals
{
    private const int LongestRange = 100_000;

    /// <param name="clock">Tells the date for <c>strftime_now</c>.</param>
    public static IEnumerable<KeyValuePair<string, object?>> All(TimeProvider clock)
    {
        JinjaFunction[] functions =
        [
            new("namespace", MakeNamespace),
            new("dict", arguments => MakeMap("dict", arguments)),
            new("range", MakeRange),
            new("cycler", MakeCycler),
            new("joiner", MakeJoiner),
            new("lipsum", arguments => throw arguments.Fail("the function 'lipsum' is not supported")),
            new("raise_exception", Raise),
            new("strftime_now", arguments => JinjaClock.Format(
                clock.GetLocalNow(), arguments.Text(arguments.Bind("strftime_now", ("format", JinjaArguments.Required))[0], "strftime_now"), arguments)),
        ];
        return functions.Select(function => new KeyValuePair<string, object?>(function.Name, function));
    }

    private static JinjaNamespace MakeNamespace(JinjaArguments arguments)
    {
        var space = new JinjaNamespace();
        foreach ((object? key, object? value) in MakeMap("namespace", arguments).Entries)
            space.Attributes[key] = value;
        return space;
    }

    // Python's dict: a dictionary or pairs first, named arguments replace and add.
    private static JinjaMap MakeMap(string name, JinjaArguments arguments)
    {
        var map = new JinjaMap();
        if (arguments.Positional.Count > 1)
            throw arguments.Fail($"{name} takes at most one argument without a name, found {arguments.Positional.Count}");
        if (arguments.Positional is [JinjaMap source])
        {
            foreach ((object? key, object? value) in source.Entries)
                map[key] = value;
        }
        else if (arguments.Positional is [var pairs])
        {
            foreach (object? pair in JinjaOperations.Collect(pairs, arguments.Line, arguments.Budget))
            {
                if (JinjaOperations.Collect(pair, arguments.Line, arguments.Budget) is not [var key, var value] || !JinjaMap.IsKey(key))
                    throw arguments.Fail($"{name}: expected a dictionary or pairs of a key and a value");
                map[key] = value;
            }
        }

        arguments.Budget.Steps(arguments.Line, map.Count);
        foreach ((string key, object? value) in arguments.Named)
            map[key] = value;
        return map;
    }

    private static JinjaList MakeRange(JinjaArguments arguments)
    {
        if (arguments.Positional.Count is < 1 or > 3 || arguments.Named.Count > 0)
            throw arguments.Fail("range takes one to three whole numbers");
        long[] bounds = [.. arguments.Positional.Select(bound => arguments.Integer(bound, "range"))];
        (long start, long stop, long step) = bounds switch
        {
            [long end] => (0, end, 1),
            [long first, long end] => (first, end, 1),
            _ => (bounds[0], bounds[1], bounds[2]),
        };
        if (step == 0)
            throw arguments.Fail("range with step 0");
        var numbers = new List<object?>();
        for (Int128 number = start; step > 0 ? number < stop : number > stop; number += step)
        {
            if (numbers.Count == LongestRange)
                throw arguments.Fail($"range of more than {LongestRange} numbers");
            numbers.Add((long)number);
        }

        arguments.Budget.Steps(arguments.Line, numbers.Count);
        return new(JinjaListKind.Range, numbers, (start, stop, step));
    }

    private static JinjaFunction MakeCycler(JinjaArguments arguments)
    {
        if (arguments.Positional.Count == 0 || arguments.Named.Count > 0)
            throw arguments.Fail("cycler takes the items to go through");
        int place = 0;
        return new("cycler", call => throw call.Fail("a cycler is not called; its methods are next() and reset()"), name => name switch
        {
            "current" => arguments.Positional[place],
            "items" => JinjaList.Tuple(arguments.Positional),
            "pos" => (long)place,
            "next" => new JinjaFunction(name, call =>
            {
                object? item = arguments.Positional[place];
                place = (place + 1) % arguments.Positional.Count;
                return item;
            }),
            "reset" => new JinjaFunction(name, call =>
            {
                place = 0;
                return null;
            }),
            _ => JinjaAttributes.Missing,
        });
    }

    private static JinjaFunction MakeJoiner(JinjaArguments arguments)
    {
        object? separator = arguments.Bind("joiner", ("sep", new TracedText(", ")))[0];
        bool isUsed = false;
        return new("joiner", call =>
        {
            object? text = isUsed ? separator : TracedText.Empty;
            isUsed = true;
            return text;
        });
    }

    private static object? Raise(JinjaArguments arguments)
    {
        object? message = arguments.Bind("raise_exception", ("message", JinjaArguments.Required))[0];
        string text = JinjaPrinter.Print(message, arguments.Line, arguments.Budget).Text;
        throw new InvalidInputException($"the chat template refuses the conversation: {text.ReplaceLineEndings(" ")}");
    }
}
