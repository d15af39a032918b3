using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Search.Units;

namespace MoA.Search.Calibration;

/// <summary>
/// A group of conversations that the model answers turn by turn: the open questions of a turn are asked together, and what is answered
/// stands in the prompts of the next.
/// </summary>
internal sealed class AnsweredGroup
{
    private readonly LanguageModel _model;
    private readonly MessagesItem[] _group;
    private readonly int _maxAnswerTokens;
    private readonly List<ChatMessage>[] _written;
    private readonly CalibrationItem[] _results;
    private int[] _active = [];
    private int _turn = -1;

    /// <summary>A group of which nothing is answered.</summary>
    public AnsweredGroup(LanguageModel model, MessagesItem[] group, int maxAnswerTokens)
    {
        _model = model;
        _group = group;
        _maxAnswerTokens = maxAnswerTokens;
        _written = [.. group.Select(_ => new List<ChatMessage>())];
        _results = [.. group];
        Ask();
    }

    /// <summary>The questions that are open now, or null at the end.</summary>
    public Question[]? Questions { get; private set; }

    /// <summary>The items, answered once no question is open.</summary>
    public IReadOnlyList<CalibrationItem> Items => _results;

    /// <summary>Takes the answers to <see cref="Questions"/>, in their order, and asks the next.</summary>
    public void Take(int[][] outputs)
    {
        ArgumentNullException.ThrowIfNull(outputs);
        Question[] questions = Questions ?? throw new InvalidOperationException("No question is open.");
        for (int i = 0; i < _active.Length; i++)
        {
            MessagesItem item = _group[_active[i]];
            int[] prompt = questions[i].Prompt;
            string text = _model.RequireTokenizer().Decode(outputs[i].Where(id => !_model.StopTokens.Contains(id)).ToArray());
            _written[_active[i]].Add(new ChatMessage(ChatRole.Assistant, text));
            _results[_active[i]] = _turn == 0
                ? new TokensItem([.. prompt, .. outputs[i]], [new AnswerSpan(prompt.Length, prompt.Length + outputs[i].Length)])
                {
                    Origin = item.Origin,
                    Source = item.Source,
                    Dataset = item.Dataset,
                    Kind = item.Kind,
                }
                : item with { Messages = [.. _written[_active[i]]] };
        }

        Ask();
    }

    private void Ask()
    {
        _turn++;
        _active = [.. Enumerable.Range(0, _group.Length).Where(i => _group[i].Messages.Count(IsAnswer) > _turn)];
        if (_active.Length == 0)
        {
            Questions = null;
            return;
        }

        ConversationEncoder encoder = _model.RequireConversations();
        Questions = new Question[_active.Length];
        for (int i = 0; i < _active.Length; i++)
        {
            MessagesItem item = _group[_active[i]];
            AppendQuestions(item, _turn, _written[_active[i]]);
            Questions[i] = new Question(encoder.EncodePrompt(_written[_active[i]]), _maxAnswerTokens, _model.StopTokens, item.Origin);
            _model.CheckLength(Questions[i].Length, item.Origin);
        }
    }

    private static bool IsAnswer(ChatMessage message) => message.Role == ChatRole.Assistant;

    // The messages between one answer and the next.
    private static void AppendQuestions(MessagesItem item, int turn, List<ChatMessage> written)
    {
        int answersSeen = 0;
        foreach (ChatMessage message in item.Messages)
        {
            if (IsAnswer(message))
                answersSeen++;
            else if (answersSeen == turn)
                written.Add(message);
        }
    }
}
