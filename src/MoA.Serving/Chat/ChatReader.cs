using MoA.Engine.Generation;
using MoA.Engine.Tokenization;

namespace MoA.Serving.Chat;

/// <summary>Turns conversations into prompts.</summary>
internal sealed class ChatReader(LanguageModel model)
{
    public LanguageModel Model => model;

    /// <summary>The prompt of a conversation, and how the answer is to be written.</summary>
    public GenerationRequest Read(ChatRequest request)
    {
        ConversationEncoder encoder = model.RequireConversations();
        return new GenerationRequest
        {
            Prompt = encoder.EncodePrompt(request.Messages),
            MaxNewTokens = request.MaxNewTokens,
            Sampling = request.Sampling,
            LogProbabilities = request.LogProbabilities,
            KeepsPrefix = request.KeepsPrefix,
            Stop = request.Stop,
        };
    }

    /// <summary>The text of a conversation.</summary>
    public string Render(ChatRequest request)
    {
        _ = model.RequireConversations();
        return model.ChatTemplate!.Render(request.Messages, addGenerationPrompt: true);
    }
}
