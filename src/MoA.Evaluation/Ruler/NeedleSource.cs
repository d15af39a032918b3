using MoA.Search.Calibration;

namespace MoA.Evaluation.Ruler;

/// <summary>Needles: facts about keys and values, among noise, other needles or prose.</summary>
/// <param name="task">Which needles, and where.</param>
/// <param name="essays">The prose.</param>
internal sealed class NeedleSource(RulerTask task, Essays essays) : RulerSource
{
    private const int Depths = 40;

    private readonly RulerPrompt _prompt = RulerData.Shared.Prompts[task.QueryCount * task.ValueCount == 1 ? "needle" : "needles"];

    /// <inheritdoc/>
    public override int LeastUnits(int index) => task.KeyCount * task.ValueCount;

    /// <inheritdoc/>
    public override RulerText Text(ulong seed, int index, int units)
    {
        SeededRandom random = new(seed);
        List<string> keys = [], needles = [];
        List<string[]> values = [];
        while (keys.Count < task.KeyCount)
        {
            string key = RulerWords.Draw(task.Keys, random);
            if (keys.Contains(key))
                continue;
            keys.Add(key);
            values.Add([.. Enumerable.Range(0, task.ValueCount).Select(_ => RulerWords.Draw(task.Values, random))]);
            needles.AddRange(values[^1].Select(value => Needle(key, value)));
        }

        string[] shuffled = [.. needles];
        random.Shuffle<string>(shuffled);
        int[] asked = [.. Enumerable.Range(0, task.KeyCount)];
        random.Shuffle<int>(asked);
        asked = asked[..task.QueryCount];
        (string context, double depth) = task.Haystack == "essays" ? InProse(shuffled, units, random) : InLines(shuffled, keys, units, seed);
        return new RulerText(_prompt, context, [.. asked.SelectMany(key => values[key])])
        {
            Query = Listed([.. asked.Select(key => keys[key])]),
            Type = task.QueryCount * task.ValueCount == 1 ? task.Values[..^1] : task.Values,
            Depth = needles.Count == 1 ? depth : null,
        };
    }

    private (string Context, double Depth) InLines(string[] needles, List<string> keys, int units, ulong seed)
    {
        SeededRandom others = new(SeededRandom.Derive(seed, 1));
        List<string> lines = [];
        while (lines.Count < units)
        {
            if (task.Haystack == "noise")
            {
                lines.Add(RulerData.Shared.Noise);
                continue;
            }

            (string key, string value) = (RulerWords.Draw(task.Keys, others), RulerWords.Draw(task.Values, others));
            if (!keys.Contains(key))
                lines.Add(Needle(key, value));
        }

        int[] places = RulerWords.Sample(units, needles.Length, new SeededRandom(SeededRandom.Derive(seed, 2, (ulong)units)));
        for (int i = needles.Length - 1; i >= 0; i--)
            lines.Insert(places[i], needles[i]);
        return (string.Join('\n', lines), (double)places[0] / units);
    }

    private (string Context, double Depth) InProse(string[] needles, int units, SeededRandom random)
    {
        List<string> sentences = essays.Sentences(units);
        int[] depths = [.. RulerWords.Sample(Depths, needles.Length, random).Select(step => (int)Math.Round(step * 100.0 / (Depths - 1)))];
        int count = sentences.Count;
        for (int i = needles.Length - 1; i >= 0; i--)
            sentences.Insert(count * depths[i] / 100, needles[i]);
        return (string.Join(' ', sentences), depths[0] / 100.0);
    }

    private string Needle(string key, string value) =>
        RulerText.Fill(RulerData.Shared.Needle, name => name switch { "key" => key, "value" => value, _ => task.Values });

    private static string Listed(string[] keys) => keys.Length == 1 ? keys[0] : $"{string.Join(", ", keys[..^1])}, and {keys[^1]}";
}
