using MoA.Engine;
using MoA.Engine.Tokenization;
using MoA.Tests;

namespace MoA.Engine.Tests.Tokenization;

/// <summary>Templates with the constructs of the published ones; what they print is worked out by hand.</summary>
public class ChatTemplateTests
{
    internal const string Llama2 = """
        {% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if loop.index0 == 0 and system_message != false %}{% set content = '<<SYS>>\n' + system_message + '\n<</SYS>>\n\n' + message['content'] %}{% else %}{% set content = message['content'] %}{% endif %}{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}
        """;

    private const string Llama3 = """
        {% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}
        """;

    private const string Llama31 = """
        {{- bos_token }}
        {%- if custom_tools is defined %}
            {%- set tools = custom_tools %}
        {%- endif %}
        {%- if not date_string is defined %}
            {%- if strftime_now is defined %}
                {%- set date_string = strftime_now("%d %b %Y") %}
            {%- else %}
                {%- set date_string = "26 Jul 2024" %}
            {%- endif %}
        {%- endif %}
        {%- if not tools is defined %}
            {%- set tools = none %}
        {%- endif %}

        {#- The system message goes into its own slot. #}
        {%- if messages[0]['role'] == 'system' %}
            {%- set system_message = messages[0]['content']|trim %}
            {%- set messages = messages[1:] %}
        {%- else %}
            {%- set system_message = "" %}
        {%- endif %}
        {{- "<|start_header_id|>system<|end_header_id|>\n\n" }}
        {%- if tools is not none %}
            {{- "Environment: ipython\n" }}
        {%- endif %}
        {{- "Cutting Knowledge Date: December 2023\n" }}
        {{- "Today Date: " + date_string + "\n\n" }}
        {{- system_message }}
        {{- "<|eot_id|>" }}
        {%- for message in messages %}
            {%- if not (message.role == 'ipython' or message.role == 'tool' or 'tool_calls' in message) %}
                {{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' }}
            {%- elif message.role == "tool" or message.role == "ipython" %}
                {{- "<|start_header_id|>ipython<|end_header_id|>\n\n" }}
                {%- if message.content is mapping or message.content is iterable %}
                    {{- message.content | tojson }}
                {%- else %}
                    {{- message.content }}
                {%- endif %}
                {{- "<|eot_id|>" }}
            {%- endif %}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}
        {%- endif %}

        """;

    private const string Vicuna = """
        {% if messages[0]['role'] == 'system' %}{% set system_message = messages[0]['content'] %}{% set loop_messages = messages[1:] %}{% else %}{% set system_message = 'A chat.' %}{% set loop_messages = messages %}{% endif %}{{ system_message }}{% for m in loop_messages %}{% if m['role'] == 'user' %}{{ ' USER: ' + m['content'].strip() }}{% else %}{{ ' ASSISTANT: ' + m['content'].strip() + eos_token }}{% endif %}{% endfor %}{% if add_generation_prompt %}{{ ' ASSISTANT:' }}{% endif %}
        """;

    private const string Mistral = """
        {{ bos_token }}{% for message in messages %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}{% if message['role'] == 'user' %}{{ '[INST] ' + message['content'] + ' [/INST]' }}{% elif message['role'] == 'assistant' %}{{ message['content'] + eos_token}}{% else %}{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}{% endfor %}
        """;

    private const string Qwen25 = """
        {%- if messages[0]['role'] == 'system' %}
            {{- '<|im_start|>system\n' + messages[0]['content'] + '<|im_end|>\n' }}
        {%- else %}
            {{- '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n' }}
        {%- endif %}
        {%- for message in messages %}
            {%- if (message.role == "user") or (message.role == "system" and not loop.first) or (message.role == "assistant" and not message.tool_calls) %}
                {{- '<|im_start|>' + message.role + '\n' + message.content + '<|im_end|>' + '\n' }}
            {%- endif %}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|im_start|>assistant\n' }}
        {%- endif %}

        """;

    private const string Qwen3 = """
        {%- set ns = namespace(multi_step_tool=true, last_query_index=messages|length - 1) %}
        {%- for message in messages[::-1] %}
            {%- set index = (messages|length - 1) - loop.index0 %}
            {%- if ns.multi_step_tool and message.role == "user" and message.content is string and not(message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}
                {%- set ns.multi_step_tool = false %}
                {%- set ns.last_query_index = index %}
            {%- endif %}
        {%- endfor %}
        {%- for message in messages %}
            {%- if message.content is string %}
                {%- set content = message.content %}
            {%- else %}
                {%- set content = '' %}
            {%- endif %}
            {%- if (message.role == "user") or (message.role == "system" and not loop.first) %}
                {{- '<|im_start|>' + message.role + '\n' + content + '<|im_end|>' + '\n' }}
            {%- elif message.role == "assistant" %}
                {%- set reasoning_content = '' %}
                {%- if '</think>' in content %}
                    {%- set reasoning_content = content.split('</think>')[0].rstrip('\n').split('<think>')[-1].lstrip('\n') %}
                    {%- set content = content.split('</think>')[-1].lstrip('\n') %}
                {%- endif %}
                {%- if loop.index0 > ns.last_query_index and (loop.last or (not loop.last and reasoning_content)) %}
                    {{- '<|im_start|>' + message.role + '\n<think>\n' + reasoning_content.strip('\n') + '\n</think>\n\n' + content.lstrip('\n') }}
                {%- else %}
                    {{- '<|im_start|>' + message.role + '\n' + content }}
                {%- endif %}
                {{- '<|im_end|>\n' }}
            {%- endif %}
        {%- endfor %}
        {%- if add_generation_prompt %}
            {{- '<|im_start|>assistant\n' }}
            {%- if enable_thinking is defined and enable_thinking is false %}
                {{- '<think>\n\n</think>\n\n' }}
            {%- endif %}
        {%- endif %}

        """;

    private static readonly ChatMessage[] Chat = [new(ChatRole.User, " Hi "), new(ChatRole.Assistant, "Yo"), new(ChatRole.User, "Bye")];

    [Theory]
    [InlineData(Llama2, "<s>[INST] Hi [/INST] Yo </s><s>[INST] Bye [/INST]")]
    [InlineData(Mistral, "<s>[INST]  Hi  [/INST]Yo</s>[INST] Bye [/INST]")]
    [InlineData(Vicuna, "A chat. USER: Hi ASSISTANT: Yo</s> USER: Bye ASSISTANT:")]
    [InlineData(Llama3, "<s><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nYo<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")]
    [InlineData(Llama31, "<s><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 07 Mar 2025\n\n<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nYo<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n")]
    [InlineData(Qwen25, "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n<|im_start|>user\n Hi <|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n")]
    [InlineData(Qwen3, "<|im_start|>user\n Hi <|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n<|im_start|>assistant\n")]
    public void A_prompt_is_written_as_the_model_was_trained(string template, string expected)
    {
        Assert.Equal(expected, Render(template, Chat, addGenerationPrompt: true));
    }

    [Theory]
    [InlineData(Llama2, "<s>[INST] <<SYS>>\nBe kind.\n<</SYS>>\n\nHi [/INST]")]
    [InlineData(Vicuna, "Be kind. USER: Hi")]
    [InlineData(Qwen25, "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n")]
    [InlineData(Llama31, "<s><|start_header_id|>system<|end_header_id|>\n\nCutting Knowledge Date: December 2023\nToday Date: 07 Mar 2025\n\nBe kind.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>")]
    public void A_system_message_goes_where_the_model_expects_it(string template, string expected)
    {
        Assert.Equal(expected, Render(template, [new(ChatRole.System, "Be kind."), new(ChatRole.User, "Hi")], addGenerationPrompt: false));
    }

    [Fact]
    public void Qwen_3_drops_the_reasoning_of_earlier_answers()
    {
        const string Thought = "<think>\nhm\n</think>\n\n";
        string text = Render(
            Qwen3,
            [new(ChatRole.User, "a"), new(ChatRole.Assistant, Thought + "b"), new(ChatRole.User, "c"), new(ChatRole.Assistant, Thought + "d")],
            addGenerationPrompt: false);
        Assert.Equal(
            "<|im_start|>user\na<|im_end|>\n<|im_start|>assistant\nb<|im_end|>\n<|im_start|>user\nc<|im_end|>\n"
            + $"<|im_start|>assistant\n{Thought}d<|im_end|>\n",
            text);
    }

    [Fact]
    public void The_demo_template_is_the_one_of_its_card()
    {
        ChatTemplate template = ChatTemplate.Load(RepositoryFiles.DemoModel)!;
        Assert.Equal(
            "<|bos|><|user|>\nQ?\n<|assistant|>\n", template.Render([new(ChatRole.User, "Q?")], addGenerationPrompt: true));
        Assert.Equal(
            "<|bos|><|user|>\nQ?\n<|assistant|>\nA.<|eos|>\n",
            template.Render([new(ChatRole.User, "Q?"), new(ChatRole.Assistant, "A.")], addGenerationPrompt: false));
    }

    [Fact]
    public void A_refusal_of_the_template_is_told()
    {
        string message = Assert.Throws<InvalidInputException>(
            () => Render(Mistral, [new(ChatRole.Assistant, "x")], addGenerationPrompt: false)).Message;
        Assert.Contains("Conversation roles must alternate", message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_template_comes_from_its_file_or_the_config()
    {
        using var folder = new TemporaryFolder();
        Assert.Null(ChatTemplate.Load(folder.Path));
        folder.Write("tokenizer_config.json", """
            {"bos_token":"<b>","chat_template":[{"name":"tool_use","template":"no"},{"name":"default","template":"{{ bos_token }}d"}]}
            """);
        Assert.Equal("<b>d", ChatTemplate.Load(folder.Path)!.Render([], false));
        folder.Write("chat_template.jinja", "{{ bos_token }}f\n");
        Assert.Equal("<b>f", ChatTemplate.Load(folder.Path)!.Render([], false));
        folder.Write("chat_template.jinja", "{% frobnicate %}");
        Assert.Contains("frobnicate", Assert.Throws<InvalidInputException>(() => ChatTemplate.Load(folder.Path)).Message, StringComparison.Ordinal);
    }

    private static string Render(string template, IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt) =>
        new ChatTemplate(template, "<s>", "</s>", new FixedClock()).Render(messages, addGenerationPrompt);

    private sealed class FixedClock : TimeProvider
    {
        public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

        public override DateTimeOffset GetUtcNow() => new(2025, 3, 7, 14, 5, 9, TimeSpan.Zero);
    }
}
