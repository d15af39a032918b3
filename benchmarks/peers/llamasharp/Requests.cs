using System.Text.Json;
using LLama.Native;

namespace MoA.LLamaSharpPeer;

/// <summary>Reads a request and writes the members of its answer.</summary>
internal static class Requests
{
    public static void Answer(PeerContext context, JsonElement request, Utf8JsonWriter answer)
    {
        switch (request.GetProperty("do").GetString())
        {
            case "load":
                context.Load(
                    Text(request, "model"), Number(request, "length"), Number(request, "sequences"), Number(request, "threads"),
                    request.GetProperty("flashAttention").GetBoolean(), CacheType(request));
                answer.WriteString("build", NativeBuild.Library);
                answer.WriteString("release", NativeBuild.Release);
                answer.WriteNumber("threads", context.Threads);
                break;
            case "prefill":
                answer.WriteNumber("seconds", context.Prefill(Number(request, "sequence"), Tokens(request.GetProperty("tokens"))));
                break;
            case "copy":
                context.Copy(Number(request, "from"), Number(request, "to"));
                break;
            case "save":
                context.Save(Text(request, "file"), Tokens(request.GetProperty("tokens")));
                break;
            case "restore":
                context.Restore(Text(request, "file"), Number(request, "length"));
                break;
            case "decode":
                LLamaToken[][] sequences = [.. request.GetProperty("tokens").EnumerateArray().Select(Tokens)];
                answer.WriteNumber("seconds", context.Decode(Number(request, "position"), sequences));
                break;
            case "greedy":
                var written = context.Greedy(Tokens(request.GetProperty("tokens")), Number(request, "count"), out double seconds);
                answer.WriteNumber("seconds", seconds);
                answer.WriteStartArray("tokens");
                foreach (var token in written)
                    answer.WriteNumberValue((int)token);
                answer.WriteEndArray();
                break;
            case var unknown:
                throw new ArgumentException($"unknown request '{unknown}': expected load, prefill, copy, save, restore, decode or greedy");
        }
    }

    private static string Text(JsonElement request, string name) => request.GetProperty(name).GetString()!;

    private static int Number(JsonElement request, string name) => request.GetProperty(name).GetInt32();

    private static LLamaToken[] Tokens(JsonElement tokens) => [.. tokens.EnumerateArray().Select(token => (LLamaToken)token.GetInt32())];

    private static GGMLType CacheType(JsonElement request) =>
        request.TryGetProperty("kv", out var kv) ? Enum.Parse<GGMLType>($"GGML_TYPE_{kv.GetString()}") : GGMLType.GGML_TYPE_F16;
}
