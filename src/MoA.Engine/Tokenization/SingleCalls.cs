namespace MoA.Engine.Tokenization;

/// <summary>Messages for templates that write one call of a message only: each call gets a message of its own, with the tool's answer behind it.</summary>
internal static class SingleCalls
{
    /// <summary>The messages, with which of the conversation each was.</summary>
    public static List<(ChatMessage Message, int Index)> Unfold(IReadOnlyList<ChatMessage> messages)
    {
        var unfolded = new List<(ChatMessage Message, int Index)>();
        for (int i = 0; i < messages.Count; i++)
        {
            ChatMessage message = messages[i];
            if (message.ToolCalls.Count < 2)
            {
                unfolded.Add((message, i));
                continue;
            }

            int call = i;
            var answers = new List<(ChatMessage Message, int Index)>();
            while (i + 1 < messages.Count && messages[i + 1].Role == ChatRole.Tool)
                answers.Add((messages[++i], i));
            for (int k = 0; k < message.ToolCalls.Count; k++)
            {
                ToolCall asked = message.ToolCalls[k];
                unfolded.Add((k == 0 ? message with { ToolCalls = [asked] } : new ChatMessage(message.Role, "") { ToolCalls = [asked] }, call));
                int answer = answers.FindIndex(found => found.Message.ToolCallId == asked.Id);
                if (answer < 0)
                    answer = answers.FindIndex(found => found.Message.ToolCallId is null);
                if (answer < 0)
                    continue;
                unfolded.Add(answers[answer]);
                answers.RemoveAt(answer);
            }

            unfolded.AddRange(answers);
        }

        return unfolded;
    }
}
