using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Evaluation.Prompts;

/// <summary>Turns prompts into a model's tokens.</summary>
/// <param name="model">The model.</param>
/// <param name="template">Whether texts are written with the chat template.</param>
/// <param name="system">The system's message before every prompt that brings none; needs a chat template.</param>
internal sealed class PromptEncoder(LanguageModel model, PromptTemplate template = PromptTemplate.Auto, string? system = null)
{
    /// <summary>The tokens of a text.</summary>
    /// <exception cref="InvalidInputException">
    /// The model has no tokenizer, or no chat template where one is needed; or the system's message has no place in the prompt.
    /// </exception>
    public EncodedPrompt Encode(string text)
    {
        Tokenizer tokenizer = model.RequireTokenizer();
        bool formatted = tokenizer.Encode(text, addSpecialTokens: false, parseSpecialTokens: true).Any(tokenizer.IsSpecial);
        if (system is not null && (template == PromptTemplate.Off || (template == PromptTemplate.Auto && formatted)))
        {
            throw new InvalidInputException(
                "--system needs the chat template, but " + (template == PromptTemplate.Off
                    ? "--template off leaves it out"
                    : "the prompt holds special tokens, as if it were written with one; write the system's message there, or use --template on"));
        }

        bool isMessage = template switch
        {
            PromptTemplate.On => true,
            PromptTemplate.Off => false,
            _ => !formatted && (system is not null || model.RequireConversations().HasTemplate),
        };
        return isMessage
            ? Encode([new ChatMessage(ChatRole.User, text)])
            : new EncodedPrompt(tokenizer.EncodePrompt(text), IsMessage: false);
    }

    /// <summary>The tokens of a conversation up to where its next answer begins.</summary>
    /// <exception cref="InvalidInputException">The model has no chat template, or it refuses the conversation.</exception>
    public EncodedPrompt Encode(IReadOnlyList<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        IReadOnlyList<ChatMessage> all = system is null || messages.Any(message => message.Role == ChatRole.System)
            ? messages
            : [new ChatMessage(ChatRole.System, system), .. messages];
        return new EncodedPrompt(model.RequireConversations().EncodePrompt(all), IsMessage: true);
    }
}
