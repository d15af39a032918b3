using MoA.Search.Calibration;

namespace MoA.Evaluation.Ruler;

/// <summary>Published questions, each with the documents that it is about among others.</summary>
/// <param name="data">The questions and all documents.</param>
internal sealed class DocumentsSource(QuestionDocuments data) : RulerSource
{
    /// <inheritdoc/>
    public override int MostItems => data.Questions.Count;

    /// <inheritdoc/>
    public override int LeastUnits(int index) => data.Questions[index].Documents.Count;

    /// <inheritdoc/>
    public override RulerText Text(ulong seed, int index, int units)
    {
        DocumentQuestion question = data.Questions[index];
        SeededRandom random = new(seed);
        int[] related = [.. question.Related];
        random.Shuffle<int>(related);
        List<int> chosen = [.. question.Documents.Concat(related).Take(units)];
        HashSet<int> used = [.. question.Documents, .. related];
        while (chosen.Count < units)
        {
            if (used.Count == data.Documents.Count)
                used.Clear(); // longer than all documents together: they come again
            int other = random.Next(data.Documents.Count);
            if (used.Add(other))
                chosen.Add(other);
        }

        int[] order = [.. chosen];
        new SeededRandom(SeededRandom.Derive(seed, (ulong)units)).Shuffle<int>(order);
        string context = string.Join("\n\n", order.Select((document, i) => FormattableString.Invariant($"Document {i + 1}:\n{data.Documents[document]}")));
        return new RulerText(RulerData.Shared.Prompts["documents"], context, question.Answers) { Query = question.Text };
    }
}
