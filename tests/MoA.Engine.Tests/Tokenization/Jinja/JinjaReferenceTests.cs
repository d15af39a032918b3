using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Engine.Tokenization.Jinja;
using MoA.Tests;

namespace MoA.Engine.Tests.Tokenization.Jinja;

/// <summary>Templates beside what the real jinja2 printed of them (tests/fixtures/chat-templates/generate.py).</summary>
public class JinjaReferenceTests
{
    private static readonly JsonDocument Usual = JsonDocument.Parse("""
        {"messages": [
            {"role": "system", "content": "S y s"}, {"role": "user", "content": "Hällo \"w\" it's 🚀\n  Zeile 2\t<|eos|>"},
            {"role": "assistant", "content": "<think>\nhm\n</think>\n\nans"}, {"role": "user", "content": " q2 "}],
         "add_generation_prompt": true, "bos_token": "<s>", "eos_token": "</s>", "tools": null, "documents": null}
        """);

    private static readonly string Folder = RepositoryFiles.Fixture("chat-templates");

    [Fact]
    public void Every_template_prints_what_jinja2_prints()
    {
        Compare(File.ReadLines(Path.Combine(Folder, "cases.jsonl")));
    }

    /// <summary>In the longer leg, and where Python has jinja2: templates that no run saw before.</summary>
    [Fact]
    public async Task Fresh_templates_print_what_jinja2_prints()
    {
        if (RandomProperty.Runs == 1 || !await Runs("-c", "import jinja2; assert jinja2.__version__ >= '3.1.3'"))
            return;
        for (ulong run = 0; run < RandomProperty.Runs; run++)
        {
            string seed = (RandomProperty.FirstSeed + run).ToString(CultureInfo.InvariantCulture);
            string file = Path.GetTempFileName();
            try
            {
                Assert.True(await Runs("-B", Path.Combine(Folder, "generate.py"), "--seed", seed, "--count", "100", "--out", file));
                Compare(File.ReadLines(file), $"generate.py --seed {seed} --count 100");
            }
            finally
            {
                File.Delete(file);
            }
        }
    }

    private static async Task<bool> Runs(params string[] arguments)
    {
        try
        {
            using Process python = Process.Start(new ProcessStartInfo("python3", arguments) { RedirectStandardError = true })!;
            string error = await python.StandardError.ReadToEndAsync();
            await python.WaitForExitAsync();
            return python.ExitCode == 0 ? true : error.Contains("jinja2", StringComparison.Ordinal) ? false : throw new InvalidOperationException(error);
        }
        catch (Win32Exception)
        {
            return false; // no Python here
        }
    }

    // Where jinja2 fails, a refusal is right; whole numbers beyond 64 bits and complex numbers are refused by name.
    private static void Compare(IEnumerable<string> lines, string source = "")
    {
        var wrong = new StringBuilder();
        int count = 0;
        foreach (string line in lines)
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement example = document.RootElement;
            string template = example.GetProperty("template").GetString()!;
            string? expected = example.TryGetProperty("text", out JsonElement text) ? text.GetString() : null;
            string? found = Render(template, example, out string refusal);
            count++;
            if (found != expected && !refusal.Contains("beyond 64 bits", StringComparison.Ordinal) && !refusal.Contains("the power", StringComparison.Ordinal))
                wrong.AppendLine($"{Show(template)}\n  right {Show(expected)}\n  found {Show(found)} {refusal}");
        }

        Assert.True(wrong.Length == 0, $"{source}\n{wrong}");
        Assert.NotEqual(0, count);
    }

    private static string Show(string? text) => text is null ? "a refusal" : JsonSerializer.Serialize(text);

    private static string? Render(string template, JsonElement example, out string refusal)
    {
        refusal = "";
        if (template.EndsWith(".jinja", StringComparison.Ordinal))
            template = File.ReadAllText(Path.Combine(Folder, "published", template));
        JsonElement variables = example.TryGetProperty("variables", out JsonElement given) ? given : Usual.RootElement;
        try
        {
            return new JinjaTemplate(template).Render(
                variables.EnumerateObject().Select(entry => new KeyValuePair<string, object?>(entry.Name, Value(entry.Value))),
                1000, new FixedClock()).Text;
        }
        catch (InvalidInputException e)
        {
            Assert.DoesNotContain('\n', e.Message);
            refusal = e.Message;
            return null;
        }
    }

    private static object? Value(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => element.TryGetInt64(out long whole) ? (object)whole : element.GetDouble(),
        JsonValueKind.String => new TracedText(element.GetString()!, origin: 1),
        JsonValueKind.Array => JinjaList.Of(element.EnumerateArray().Select(Value)),
        _ => Map(element),
    };

    private static JinjaMap Map(JsonElement element)
    {
        var map = new JinjaMap();
        foreach (JsonProperty entry in element.EnumerateObject())
            map[entry.Name] = Value(entry.Value);
        return map;
    }

    private sealed class FixedClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2025, 3, 7, 14, 5, 9, TimeSpan.Zero);
    }
}
