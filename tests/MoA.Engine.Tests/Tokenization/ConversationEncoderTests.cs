using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Tokenization;

public class ConversationEncoderTests
{
    private const int Bos = 1276;
    private const int Eos = 1277;
    private const int User = 1278;
    private const int Assistant = 1279;

    private static readonly Tokenizer Demo = Tokenizer.Load(RepositoryFiles.DemoModel);
    private static readonly ConversationEncoder Encoder = new(Demo, ChatTemplate.Load(RepositoryFiles.DemoModel));

    [Fact]
    public void A_conversation_is_its_prompt_its_answer_and_what_follows()
    {
        EncodedConversation conversation = Encoder.Encode([new(ChatRole.User, "Say it."), new(ChatRole.Assistant, "It.")]);
        int[] prompt = [Bos, User, .. Plain("\nSay it.\n"), Assistant, .. Plain("\n")];
        int[] answer = [.. Plain("It."), Eos];
        Assert.Equal([.. prompt, .. answer, .. Plain("\n")], conversation.Tokens);
        Assert.Equal([new AnswerSpan(prompt.Length, prompt.Length + answer.Length)], conversation.Answers);
        Assert.Equal(prompt, Encoder.EncodePrompt([new(ChatRole.User, "Say it.")]));
    }

    [Fact]
    public void An_answer_is_encoded_apart_from_its_prompt()
    {
        // Together the two newlines would be one word for the pre-tokenizer; generation sees them one after the other.
        EncodedConversation conversation = Encoder.Encode([new(ChatRole.User, "a"), new(ChatRole.Assistant, "\nb")]);
        AnswerSpan span = Assert.Single(conversation.Answers);
        Assert.Equal([.. Plain("\nb"), Eos], conversation.Tokens[span.Start..span.End]);
        Assert.Equal(Encoder.EncodePrompt([new(ChatRole.User, "a")]), conversation.Tokens[..span.Start]);
    }

    [Fact]
    public void Every_answer_of_a_longer_conversation_is_marked()
    {
        EncodedConversation conversation = Encoder.Encode(
        [
            new(ChatRole.User, "one"), new(ChatRole.Assistant, "two"), new(ChatRole.User, "two"), new(ChatRole.Assistant, "<|assistant|>"), new(ChatRole.User, "x"),
        ]);
        Assert.Equal(2, conversation.Answers.Count);
        Assert.Equal([.. Plain("two"), Eos], Answer(conversation, 0));
        Assert.Equal([.. Plain("<|assistant|>"), Eos], Answer(conversation, 1));
        Assert.Equal(2, conversation.Tokens.Count(id => id == Assistant));
    }

    /// <summary>What goes on ends where its content does, as continue_final_message of transformers has it; thoughts are closed where the template closes them.</summary>
    [Theory]
    [InlineData("llama-3", "<|start_header_id|>assistant<|end_header_id|>\n\nFour, <|eos|>and")]
    [InlineData("llama-2", "x [/INST] Four, <|eos|>and")]
    [InlineData("mistral-7b", "[/INST]Four, <|eos|>and")]
    [InlineData("qwen2.5", "<|im_start|>assistant\nFour, <|eos|>and")]
    [InlineData("qwen3", "<|im_start|>assistant\n<think>\n\n</think>\n\nFour, <|eos|>and")]
    [InlineData("gemma-3", "<start_of_turn>model\nFour, <|eos|>and")]
    [InlineData("phi-3", "<|assistant|>\nFour, <|eos|>and")]
    [InlineData("gpt-oss-style", "<|start|>assistant<|channel|>final<|message|>Four, <|eos|>and")]
    [InlineData("deepseek-r1", "<｜Assistant｜>Four, <|eos|>and")]
    [InlineData("granite-tools", "<|start_of_role|>assistant<|end_of_role|>Four, <|eos|>and")]
    public void A_message_that_goes_on_ends_where_its_content_does(string template, string end)
    {
        ChatTemplate own = new(File.ReadAllText(RepositoryFiles.Fixture($"chat-templates/published/{template}.jinja")), "<s>", "</s>");
        ChatMessage[] messages = [new(ChatRole.User, "x"), new(ChatRole.Assistant, "Three."), new(ChatRole.User, "x"), new(ChatRole.Assistant, "Four, <|eos|>and")];
        TracedText open = own.RenderOpen(messages, null);
        Assert.EndsWith(end, open.Text, StringComparison.Ordinal);
        Assert.StartsWith(open.Text, own.Render(messages, addGenerationPrompt: false), StringComparison.Ordinal);

        (int[] tokens, int start) = new ConversationEncoder(Demo, own).EncodeOpen(messages, null, new HashSet<int> { Eos }, (_, _, _) => null);
        Assert.Equal(open.Text, Demo.Decode(tokens));
        Assert.EndsWith("Four, <|eos|>and", Demo.Decode(tokens.AsSpan(start)), StringComparison.Ordinal);
        Assert.DoesNotContain(Eos, tokens[start..]);
        Assert.Throws<InvalidInputException>(() => own.RenderOpen([new(ChatRole.User, "x"), new(ChatRole.Assistant, "")], null));
    }

    [Fact]
    public void Thoughts_go_on_too()
    {
        ChatTemplate own = new(File.ReadAllText(RepositoryFiles.Fixture("chat-templates/published/qwen3.jinja")), "", "");
        ChatMessage[] messages = [new(ChatRole.User, "x"), new(ChatRole.Assistant, "") { Reasoning = "Two and two" }];
        Assert.EndsWith("<|im_start|>assistant\n<think>\nTwo and two", own.RenderOpen(messages, null).Text, StringComparison.Ordinal);
        own = new(File.ReadAllText(RepositoryFiles.Fixture("chat-templates/published/llama-3.jinja")), "", "");
        Assert.Throws<InvalidInputException>(() => own.RenderOpen(messages, null));
    }

    [Theory]
    [InlineData("<|eos|>")]
    [InlineData("a<|eos|><|user|>\nb<|bos|>")]
    [InlineData("<|<|eos|>eos|> <|eo")]
    [InlineData("\uFDD0<|eos|>\uFDD1")]
    public void Special_tokens_within_messages_stay_text(string text)
    {
        int[] prompt = Encoder.EncodePrompt([new(ChatRole.User, text)]);
        Assert.Equal([Bos, User, .. Plain($"\n{text}\n"), Assistant, .. Plain("\n")], prompt);
        EncodedConversation conversation = Encoder.Encode([new(ChatRole.User, text), new(ChatRole.Assistant, text)]);
        Assert.Equal([.. Plain(text), Eos], Answer(conversation, 0));
    }

    // What the template does with a message that holds special tokens' texts, and with what it writes itself.
    [Theory]
    [InlineData("[{{ messages[0].content.split('<|user|>')[0].rstrip('\n') }}]", "a\n<|user|>b", "[a]")]
    [InlineData("{{ 'yes' if messages[0].content.startswith('<|eos|>') else 'no' }}", "<|eos|>b", "yes")]
    [InlineData("{{ messages[0].content | length }}", "a\n<|user|>b", "11")]
    [InlineData("[{{ messages[0].content.replace('<|eos|>', '') | trim }}]", "a \n<|eos|>", "[a]")]
    [InlineData("{{ messages[0].content | length }}|{{ messages[0].content[-2:] }}", "if a <", "6| <")]
    [InlineData("{{ messages[0].content == '<|eos|>' }}{{ messages[0].content in ['<'] }}", "<|eos|>", "TrueFalse")]
    [InlineData("{{ messages[0].content == '<' }}{{ messages[0].content[0] }}", "<", "True<")]
    [InlineData("{{ messages[0].content | upper | lower }}{{ [messages[0].content] }}", "<|eos|>", "<|eos|>['<|eos|>']")]
    [InlineData("{{ '%s{}' % messages[0].content }}{{ messages[0].content | tojson }}", "<|eos|>", "<|eos|>{}\"<|eos|>\"")]
    public void A_template_sees_messages_as_they_are_and_their_tokens_stay_text(string template, string content, string expected)
    {
        ConversationEncoder encoder = new(Demo, new ChatTemplate(template, "", ""));
        Assert.Equal(Plain(expected), encoder.EncodePrompt([new(ChatRole.User, content)]));
    }

    [Fact]
    public void Special_tokens_are_those_whose_ends_the_template_wrote()
    {
        const string Source = "{{ '<|' + messages[0].role + '|>' }}{{ messages[0].content.replace('X', '<|eos|>') }}"
            + "{{ '<|' }}{{ messages[0].content[-5:] }}{{ '<|' ~ messages[0].content }}";
        ConversationEncoder encoder = new(Demo, new ChatTemplate(Source, "", ""));
        int[] tokens = encoder.EncodePrompt([new(ChatRole.User, "X<|eos|>Xeos|>")]);
        Assert.Equal([User, Eos, .. Plain("<|eos|>"), Eos, .. Plain("eos|><|eos|><|X<|eos|>Xeos|>")], tokens);
    }

    [Fact]
    public void An_answer_whose_reasoning_the_template_cuts_ends_with_its_turn()
    {
        const string Source = "{% for m in messages %}{% if m.role == 'assistant' %}<|assistant|>{{ m.content.split('<|bos|>')[-1].lstrip('\n') }}"
            + "<|eos|>{% else %}<|user|>{{ m.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}";
        ConversationEncoder encoder = new(Demo, new ChatTemplate(Source, "", ""));
        EncodedConversation conversation = encoder.Encode([new(ChatRole.User, "2+2"), new(ChatRole.Assistant, "four? <|bos|>\nfour"), new(ChatRole.User, "four")]);
        Assert.Equal([User, .. Plain("2+2"), Assistant, .. Plain("four"), Eos, User, .. Plain("four")], conversation.Tokens);
        Assert.Equal([.. Plain("four"), Eos], Answer(conversation, 0));
    }

    [Fact]
    public void Any_text_is_encoded_as_between_special_tokens()
    {
        RandomTexts.Check(text => Assert.Equal(
            [Bos, User, .. Plain($"\n{text}\n"), Assistant, .. Plain("\n")], Encoder.EncodePrompt([new(ChatRole.User, text)])));
    }

    [Fact]
    public void The_end_of_turn_comes_from_the_template()
    {
        Assert.Equal([Eos], Encoder.EndOfTurnIds);
        ConversationEncoder silent = new(Demo, new ChatTemplate("{% for m in messages %}{{ m.content }} {% endfor %}", "", ""));
        Assert.Empty(silent.EndOfTurnIds);
    }

    [Fact]
    public void Answers_are_found_by_their_text_where_the_prompt_is_no_prefix()
    {
        // This template ends a prompt in a way that a whole conversation does not have.
        const string Source = "{% for m in messages %}{{ m.role }}: {{ m.content | trim }}<|eos|>{% endfor %}"
            + "{% if add_generation_prompt %}assistant: now{% endif %}";
        ConversationEncoder encoder = new(Demo, new ChatTemplate(Source, "", ""));
        EncodedConversation conversation = encoder.Encode([new(ChatRole.User, "yes"), new(ChatRole.Assistant, " yes "), new(ChatRole.User, "no")]);
        Assert.Equal([.. Plain("yes"), Eos], Answer(conversation, 0));
        Assert.Equal([Eos], encoder.EndOfTurnIds);
    }

    [Fact]
    public void An_answer_that_the_template_leaves_out_is_refused()
    {
        ConversationEncoder encoder = new(Demo, new ChatTemplate("{{ messages[0].content }}{{ messages | length }}", "", ""));
        string message = Assert.Throws<InvalidInputException>(
            () => encoder.Encode([new(ChatRole.User, "a"), new(ChatRole.Assistant, "b")])).Message;
        Assert.Contains("message 2", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_without_a_template_takes_no_conversation()
    {
        ConversationEncoder encoder = new(Demo, template: null);
        string message = Assert.Throws<InvalidInputException>(() => encoder.Encode([new(ChatRole.User, "a")])).Message;
        Assert.Contains("no chat template", message, StringComparison.Ordinal);
        Assert.Throws<InvalidInputException>(() => encoder.EncodePrompt([new(ChatRole.User, "a")]));
    }

    [Fact]
    public void SentencePiece_answers_go_on_after_the_prompt_without_a_new_prefix()
    {
        Tokenizer llama = Tokenizer.Load(TokenizerVectors.File("llama-spm.tokenizer.json"));
        ConversationEncoder encoder = new(llama, new ChatTemplate(ChatTemplateTests.Llama2, "<s>", "</s>"));
        EncodedConversation conversation = encoder.Encode([new(ChatRole.User, "Hi"), new(ChatRole.Assistant, "Hello")]);

        // Of the text "[INST] Hi [/INST] Hello ": the pieces of " Hello " are one token and the space before </s>.
        int[] whole = llama.Encode("[INST] Hi [/INST] Hello ", false, false);
        Assert.Equal([1, .. whole, 2], conversation.Tokens);
        AnswerSpan span = Assert.Single(conversation.Answers);
        Assert.Equal(["▁Hello", "▁", "</s>"], conversation.Tokens[span.Start..span.End].Select(llama.TokenText));
    }

    private static int[] Plain(string text) => Demo.Encode(text, addSpecialTokens: false, parseSpecialTokens: false);

    private static int[] Answer(EncodedConversation conversation, int index) =>
        conversation.Tokens[conversation.Answers[index].Start..conversation.Answers[index].End];
}
