using MoA.Engine.Tests.Models.Loading;
using MoA.Engine.Tokenization;

namespace MoA.Engine.Tests.Tokenization;

/// <summary>The built-in templates against conversations as FastChat and the models' makers write them.</summary>
public sealed class NamedChatTemplatesTests
{
    private const string Vicuna = "A chat between a curious user and an artificial intelligence assistant. " +
        "The assistant gives helpful, detailed, and polite answers to the user's questions.";

    private const string Alpaca = "Below is an instruction that describes a task. Write a response that appropriately completes the request.";

    private static readonly ChatMessage[] Two = [new(ChatRole.User, "Hello!"), new(ChatRole.Assistant, "Hi."), new(ChatRole.User, "Who?")];
    private static readonly ChatMessage[] WithSystem = [new(ChatRole.System, "Be brief."), .. Two];

    [Theory]
    [InlineData("vicuna", $"<s>{Vicuna} USER: Hello! ASSISTANT: Hi.</s>USER: Who? ASSISTANT:")]
    [InlineData("llama-2", "<s>[INST] Hello! [/INST] Hi. </s><s>[INST] Who? [/INST]")]
    [InlineData("mistral", "<s>[INST] Hello! [/INST] Hi.</s>[INST] Who? [/INST]")]
    [InlineData("chatml", "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\nHi.<|im_end|>\n<|im_start|>user\nWho?<|im_end|>\n<|im_start|>assistant\n")]
    [InlineData("llama-3", "<s><|start_header_id|>user<|end_header_id|>\n\nHello!<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHi.<|eot_id|>" +
        "<|start_header_id|>user<|end_header_id|>\n\nWho?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")]
    [InlineData("zephyr", "<|user|>\nHello!</s>\n<|assistant|>\nHi.</s>\n<|user|>\nWho?</s>\n<|assistant|>\n")]
    [InlineData("tulu", "<s><|user|>\nHello!\n<|assistant|>\nHi.</s>\n<|user|>\nWho?\n<|assistant|>\n")]
    [InlineData("alpaca", $"<s>{Alpaca}\n\n### Instruction:\nHello!\n\n### Response:\nHi.</s>\n\n### Instruction:\nWho?\n\n### Response:\n")]
    [InlineData("gemma", "<s><start_of_turn>user\nHello!<end_of_turn>\n<start_of_turn>model\nHi.<end_of_turn>\n<start_of_turn>user\nWho?<end_of_turn>\n<start_of_turn>model\n")]
    [InlineData("phi-3", "<|user|>\nHello!<|end|>\n<|assistant|>\nHi.<|end|>\n<|user|>\nWho?<|end|>\n<|assistant|>\n")]
    [InlineData("deepseek", "<s>User: Hello!\n\nAssistant: Hi.</s>User: Who?\n\nAssistant:")]
    public void Conversations_are_written_as_the_models_were_trained(string name, string expected) => Assert.Equal(expected, Create(name).Render(Two, true));

    [Theory]
    [InlineData("vicuna", "<s>Be brief. USER: Hello! ASSISTANT: Hi.</s>USER: Who? ASSISTANT:")]
    [InlineData("llama-2", "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nHello! [/INST] Hi. </s><s>[INST] Who? [/INST]")]
    [InlineData("mistral", "<s>[INST] Be brief.\n\nHello! [/INST] Hi.</s>[INST] Who? [/INST]")]
    [InlineData("alpaca", "<s>Be brief.\n\n### Instruction:\nHello!\n\n### Response:\nHi.</s>\n\n### Instruction:\nWho?\n\n### Response:\n")]
    [InlineData("gemma", "<s><start_of_turn>user\nBe brief.\n\nHello!<end_of_turn>\n<start_of_turn>model\nHi.<end_of_turn>\n<start_of_turn>user\nWho?<end_of_turn>\n<start_of_turn>model\n")]
    [InlineData("deepseek", "<s>Be brief.\n\nUser: Hello!\n\nAssistant: Hi.</s>User: Who?\n\nAssistant:")]
    public void A_system_message_stands_where_it_belongs(string name, string expected) => Assert.Equal(expected, Create(name).Render(WithSystem, true));

    [Fact]
    public void Every_name_has_a_template()
    {
        foreach (string name in NamedChatTemplates.Names)
            Assert.NotEmpty(Create(name).Render(Two, false));
        Assert.Null(NamedChatTemplates.Find("none"));
    }

    [Theory]
    [InlineData("lmsys/vicuna-7b-v1.5-16k", "vicuna")]
    [InlineData("Vicuna_13B", "vicuna")]
    [InlineData("lmsys/longchat-7b-16k", "vicuna")]
    [InlineData("gradientai/Llama-3-8B-Instruct-262k", "llama-3")]
    [InlineData("meta-llama/Llama-3.2-1B-Instruct", "llama-3")]
    [InlineData("meta-llama/Llama-3.2-1B", null)]
    [InlineData("meta-llama/Llama-2-7b-chat-hf", "llama-2")]
    [InlineData("meta-llama/Llama-2-7b-hf", null)]
    [InlineData("mistralai/Mixtral-8x7B-Instruct-v0.1", "mistral")]
    [InlineData("mistralai/Mistral-7B-v0.1", null)]
    [InlineData("01-ai/Yi-34B-Chat", "chatml")]
    [InlineData("Qwen/Qwen1.5-7B-Chat", "chatml")]
    [InlineData("microsoft/Orca-2-13b", "chatml")]
    [InlineData("google/gemma-2-2b-it", "gemma")]
    [InlineData("google/gemma-2-2b", null)]
    [InlineData("microsoft/Phi-3-mini-128k-instruct", "phi-3")]
    [InlineData("deepseek-ai/deepseek-llm-7b-chat", "deepseek")]
    [InlineData("", null)]
    public void The_name_of_a_model_calls_for_one(string model, string? template) => Assert.Equal(template, NamedChatTemplates.Suggest(model));

    /// <summary>The tokens of what FastChat writes: the tokenizer puts the token that begins a text in front.</summary>
    [Fact]
    public void A_vicuna_conversation_has_the_tokens_of_its_text()
    {
        using TemporaryFolder parent = new();
        string folder = Directory.CreateDirectory(parent.File("vicuna-7b-v1.5-16k")).FullName;
        foreach (string file in Directory.GetFiles(TokenizerVectors.File("spm")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        File.Delete(Path.Combine(folder, "special_tokens_map.json"));
        File.Delete(Path.Combine(folder, "tokenizer_config.json")); // the vocabulary says what begins and ends a text
        Tokenizer tokenizer = Tokenizer.Load(folder);
        ChatTemplate template = ChatTemplate.Load(folder)!;
        Assert.Equal(("vicuna", true), (template.Choice, template.IsGuess));
        ConversationEncoder conversations = new(tokenizer, template);
        int[] expected =
        [
            1, .. tokenizer.Encode($"{Vicuna} USER: Hello! ASSISTANT: Hi.", false, false), 2,
            .. tokenizer.Encode("USER: Who? ASSISTANT:", false, false),
        ];
        Assert.Equal(expected, conversations.EncodePrompt(Two));
        Assert.Equal(expected, conversations.Encode(Two, addGenerationPrompt: true).Tokens);
        Assert.Equal([2], conversations.EndOfTurnIds);
    }

    [Fact]
    public void A_choice_is_a_name_or_a_file_and_counts_before_the_models_own()
    {
        using TemporaryFolder folder = new();
        folder.Write("tokenizer_config.json", """{"bos_token": "<s>", "eos_token": "</s>", "chat_template": "own"}""");
        Assert.Equal(("own", null, false), Shown(ChatTemplate.Load(folder.Path)));
        Assert.Equal(("own", null, false), Shown(ChatTemplate.Load(folder.Path, name: "vicuna")));
        Assert.Equal("<s>[INST] Who? [/INST]", ChatTemplate.Load(folder.Path, "llama-2")!.Render([Two[2]], true));
        string file = folder.Write("mine.jinja", "{{ messages[0].content }}!");
        Assert.Equal(("Hello!!", file, false), Shown(ChatTemplate.Load(folder.Path, file)));
        string json = folder.Write("other.json", """{"chat_template": "other"}""");
        Assert.Equal(("other", json, false), Shown(ChatTemplate.Load(folder.Path, json)));
        string none = folder.Write("none.json", "{}");
        Refusal.AssertThrows(none, "has no \"chat_template\"", () => ChatTemplate.Load(folder.Path, none)!);
        string bad = folder.Write("bad.jinja", "{% if %}");
        Refusal.AssertThrows(bad, "", () => ChatTemplate.Load(folder.Path, bad)!);
        Refusal.AssertThrows("lama-2", "there is no such file; a chat template is one of alpaca, chatml", () => ChatTemplate.Load(folder.Path, "lama-2")!);

        static (string, string?, bool) Shown(ChatTemplate? template) => (template!.Render(Two, false), template.Choice, template.IsGuess);
    }

    private static ChatTemplate Create(string name) => new(NamedChatTemplates.Find(name)!, "<s>", "</s>");
}
