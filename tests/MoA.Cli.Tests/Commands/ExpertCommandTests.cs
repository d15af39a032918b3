using System.Text.Json;

namespace MoA.Tests.Commands;

/// <summary>Models of experts, random ones with a vocabulary, through the commands that run a model.</summary>
public sealed class ExpertCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("mixtral-8x7b,layers=2,hidden=64,heads=4,kv-heads=2,head-size=16,intermediate=96,experts=4,vocabulary=512", "q8_0", "swiglu")]
    [InlineData("qwen3-30b-a3b,layers=2,hidden=64,heads=4,kv-heads=2,head-size=16,expert-width=32,experts=8,experts-used=3,vocabulary=512", "bf16", "swiglu")]
    [InlineData("gpt-oss-20b,layers=2,hidden=64,heads=4,kv-heads=2,head-size=16,intermediate=64,experts=6,experts-used=2,vocabulary=512", "mxfp4", "clamped swiglu")]
    public void They_run(string shape, string weights, string activation)
    {
        string model = _folder["model.gguf"], other = _folder["other.gguf"];
        Assert.Equal(model, Invocation.Json("model", "random", "--shape", shape, "--weights", weights, "--out", model).GetProperty("file").GetString());
        JsonElement info = Invocation.Json("model", "info", "--model", model, "--check");
        Assert.InRange(info.GetProperty("activeParameters").GetInt64(), 1, info.GetProperty("parameters").GetInt64() - 1);

        // The same tokens from a copy, from the mapped file, and with drafts; the same losses from what is converted to F32.
        string[] generate = ["generate", "hello there", "--model", model, "-n", "12", "--template", "off"];
        JsonElement written = Invocation.Json(generate);
        Assert.Equal(12, written.GetProperty("tokens").GetArrayLength());
        foreach (string[] options in new[] { ["--mmap", "on"], ["--mmap", "off", "--threads", "1"], (string[])["--lookup"] })
            Assert.Equal(written.GetProperty("tokens").GetRawText(), Invocation.Json([.. generate, .. options]).GetProperty("tokens").GetRawText());
        string items = _folder.Write("items.jsonl", """
            {"text":"hello there world, this goes on for a while"}
            {"tokens":[1,5,300,301,77]}
            """);
        double loss = Loss(model);
        _ = Invocation.Json("model", "convert", "--model", model, "--weights", "f32", "--out", other);
        Assert.Equal(loss, Loss(other), 0.02 * loss);

        Invocation chat = Invocation.WithInput("hi\nthere\n", "chat", "--model", model, "--chat-template", "chatml", "-n", "4", "--json", "--quiet");
        Assert.Equal(["user", "assistant", "user", "assistant"], chat.Document().GetProperty("messages").EnumerateArray().Select(message => message.GetProperty("role").GetString()));
        JsonElement profile = Invocation.Json("bench", "--model", model, "--lengths", "64", "--decode-tokens", "2", "--repeat", "1", "--profile").GetProperty("rows")[0];
        string?[] operations = [.. profile.GetProperty("decodeProfile").GetProperty("operations").EnumerateArray().Select(one => one.GetProperty("operation").GetString())];
        Assert.Contains("router", operations);
        Assert.Contains(activation, operations);

        double Loss(string path) => Invocation.Json("score", "--model", path, "--data", items).GetProperty("meanCrossEntropy").GetDouble();
    }

    [Fact]
    public void They_are_compressed_from_start_to_end()
    {
        string model = _folder["model.gguf"], folder = _folder["out"];
        _ = Invocation.Json("model", "random", "--shape", "gpt-oss-20b,layers=2,hidden=64,heads=4,kv-heads=2,head-size=16,intermediate=64,experts=6,experts-used=2,vocabulary=512", "--out", model);
        JsonElement report = Invocation.Json(
            "compress", "--model", model, "--chat-template", "chatml", "--items", "1", "--validation-items", "1", "--lengths", "320,384", "--extend", "512", "--validate-length", "448",
            "--answer-tokens", "4", "--retrieval-items", "0", "--max-plans", "1", "--alpha-count", "3", "--beta-count", "3", "--out", folder);
        Assert.True(report.GetProperty("validation").GetArrayLength() >= 3);
        Assert.Equal(0, Invocation.Of("generate", "hello", "--model", model, "--plan", Path.Combine(folder, "plan.json"), "-n", "3", "--template", "off", "--quiet").ExitCode);
    }

    [Fact]
    public void A_chat_without_a_template_says_how_to_choose_one()
    {
        string model = _folder["model.gguf"];
        _ = Invocation.Json("model", "random", "--shape", "hidden=32,layers=1,heads=2,vocabulary=400", "--out", model);
        Invocation.WithInput("hi\n", "chat", "--model", model, "--quiet").AssertRefused("has no chat template", "--chat-template NAME");
    }
}
