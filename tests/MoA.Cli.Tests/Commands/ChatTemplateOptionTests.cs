using System.Text.Json;
using System.Text.Json.Nodes;

namespace MoA.Tests.Commands;

/// <summary><c>--chat-template</c>, and the template that a model without one gets by its name.</summary>
public sealed class ChatTemplateOptionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void A_model_without_a_template_gets_the_one_that_its_name_calls_for_and_says_so()
    {
        string model = CopyWithoutTemplate("my-vicuna-7b");
        Assert.Equal("vicuna", Invocation.Json("model", "info", "--model", model).GetProperty("chatTemplateChoice").GetString());
        Invocation run = Invocation.WithInput("Hello\n", "chat", "--model", model, "-n", "1");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("my-vicuna-7b has no chat template; taken: vicuna, which its name calls for (--chat-template chooses another)", run.Error, StringComparison.Ordinal);
        string gguf = _folder["converted.gguf"];
        JsonElement result = Invocation.Json("model", "convert", "--model", model, "--out", gguf);
        Assert.Contains(result.GetProperty("notes").EnumerateArray(), note => note.GetString()!.Contains("the file gets vicuna", StringComparison.Ordinal));
        Assert.Equal(Tokens(model), Tokens(gguf));
    }

    [Fact]
    public void A_chosen_template_counts_before_the_models_own()
    {
        string items = _folder.Write("items.jsonl", """{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"}]}""");
        string file = _folder.Write("mine.jinja", "{% for message in messages %}<{{ message.content }}>{% endfor %}");
        Assert.Equal(Ids("model", "tokenize", "<Hi><Ho>"), Ids("model", "tokenize", "--data", items, "--chat-template", file));
        Assert.Equal("chatml", Invocation.Json("model", "info", "--chat-template", "chatml").GetProperty("chatTemplateChoice").GetString());
        string gguf = _folder["converted.gguf"], again = _folder["again.gguf"];
        _ = Invocation.Json("model", "convert", "--out", gguf, "--chat-template", "chatml");
        Assert.Equal(Ids("model", "tokenize", "--data", items, "--chat-template", "chatml"), Ids("model", "tokenize", "--data", items, "--model", gguf));
        _ = Invocation.Json("model", "convert", "--model", gguf, "--out", again, "--chat-template", file);
        Assert.Equal(Ids("model", "tokenize", "<Hi><Ho>"), Ids("model", "tokenize", "--data", items, "--model", again));
    }

    [Fact]
    public void A_name_that_none_has_is_refused() =>
        Invocation.Of("generate", "Hi", "--chat-template", "lama-2").AssertRefused("lama-2", "a chat template is one of alpaca, chatml");

    public void Dispose() => _folder.Dispose();

    private int[] Tokens(string model)
    {
        string items = _folder.Write("items.jsonl", """{"messages":[{"role":"user","content":"Hi"}]}""");
        return Ids("model", "tokenize", "--model", model, "--data", items);
    }

    private static int[] Ids(params string[] args) =>
        [.. Invocation.Json(args).GetProperty("items")[0].GetProperty("tokens").EnumerateArray().Select(id => id.GetInt32())];

    private string CopyWithoutTemplate(string name)
    {
        string target = Directory.CreateDirectory(_folder[name]).FullName;
        foreach (string file in Directory.EnumerateFiles(RepositoryFiles.DemoModel))
            File.Copy(file, Path.Combine(target, Path.GetFileName(file)));
        string config = Path.Combine(target, "tokenizer_config.json");
        JsonNode settings = JsonNode.Parse(File.ReadAllText(config))!;
        _ = settings.AsObject().Remove("chat_template");
        File.WriteAllText(config, settings.ToJsonString());
        return target;
    }
}
