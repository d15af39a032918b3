using System.IO.Compression;
using System.Text.Json;

namespace MoA.Evaluation.Tests.Data;

/// <summary>Small files in the published formats, written for the tests.</summary>
internal static class SampleFiles
{
    public static string Write(string folder, string name, params string[] lines)
    {
        _ = Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, name);
        File.WriteAllText(path, string.Join('\n', lines) + "\n");
        return path;
    }

    public static string Zip(string folder, string archive, string entry, params string[] lines)
    {
        _ = Directory.CreateDirectory(folder);
        string path = Path.Combine(folder, archive);
        using ZipArchive zip = ZipFile.Open(path, ZipArchiveMode.Create);
        using StreamWriter writer = new(zip.CreateEntry(entry).Open());
        foreach (string line in lines)
            writer.WriteLine(line);
        return path;
    }

    public static string LongBench(string input, string context, string[] answers, int length = 100, string[]? classes = null) =>
        $$"""{"input":{{Json(input)}},"context":{{Json(context)}},"answers":[{{string.Join(',', answers.Select(Json))}}],"length":{{length}},"dataset":"x","language":"en","all_classes":{{(classes is null ? "null" : $"[{string.Join(',', classes.Select(Json))}]")}},"_id":"1"}""";

    public static string LvEval(string input, string context, string answer, string? keywords) =>
        $$"""{"input":{{Json(input)}},"context":{{Json(context)}},"answers":[{{Json(answer)}}],"length":120,"dataset":"x","language":"en","answer_keywords":{{(keywords is null ? "null" : Json(keywords))}},"confusing_facts":null}""";

    private static string Json(string text) => JsonEncodedText.Encode(text) is var encoded ? $"\"{encoded}\"" : "";
}
