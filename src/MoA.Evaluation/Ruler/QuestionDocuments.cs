using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Files;

namespace MoA.Evaluation.Ruler;

/// <summary>Questions with the documents of a whole data set.</summary>
/// <param name="Questions">The questions in the order of the file.</param>
/// <param name="Documents">All documents, each once, in the order of their code units.</param>
internal sealed record QuestionDocuments(IReadOnlyList<DocumentQuestion> Questions, IReadOnlyList<string> Documents)
{
    /// <summary>Reads SQuAD: paragraphs are documents, those of the same article are related; questions without an answer are left out.</summary>
    /// <exception cref="InvalidInputException">The file is no such data set.</exception>
    public static QuestionDocuments ReadSquad(string path) => Read(path, "SQuAD (dev-v2.0.json)", root =>
    {
        JsonElement[] articles = [.. root.GetProperty("data").EnumerateArray()];
        (Dictionary<string, int> numbers, string[] documents) = Number(
            articles.SelectMany(article => Paragraphs(article)).Select(paragraph => Text(paragraph, "context")));
        List<DocumentQuestion> questions = [];
        foreach (JsonElement article in articles)
        {
            int[] own = [.. Paragraphs(article).Select(paragraph => numbers[Text(paragraph, "context")])];
            foreach (JsonElement paragraph in Paragraphs(article))
            {
                int document = numbers[Text(paragraph, "context")];
                int[] related = [.. own.Where(other => other != document).Distinct()];
                questions.AddRange(paragraph.GetProperty("qas").EnumerateArray()
                    .Where(question => !(question.TryGetProperty("is_impossible", out JsonElement impossible) && impossible.GetBoolean()))
                    .Select(question => new DocumentQuestion(
                        Text(question, "question"), [.. question.GetProperty("answers").EnumerateArray().Select(answer => Text(answer, "text"))], [document], related)));
            }
        }

        return new QuestionDocuments(questions, documents);

        static IEnumerable<JsonElement> Paragraphs(JsonElement article) => article.GetProperty("paragraphs").EnumerateArray();
    });

    /// <summary>Reads HotpotQA in the distractor setting: a question comes with ten titled paragraphs.</summary>
    /// <exception cref="InvalidInputException">The file is no such data set.</exception>
    public static QuestionDocuments ReadHotpot(string path) => Read(path, "HotpotQA (hotpot_dev_distractor_v1.json)", root =>
    {
        JsonElement[] entries = [.. root.EnumerateArray()];
        (Dictionary<string, int> numbers, string[] documents) = Number(entries.SelectMany(Own));
        return new QuestionDocuments(
            [.. entries.Select(entry => new DocumentQuestion(
                Text(entry, "question"), [Text(entry, "answer")], [.. Own(entry).Select(document => numbers[document]).Distinct()], []))],
            documents);

        static IEnumerable<string> Own(JsonElement entry) => entry.GetProperty("context").EnumerateArray()
            .Select(pair => $"{pair[0].GetString()}\n{string.Concat(pair[1].EnumerateArray().Select(sentence => sentence.GetString()))}");
    });

    private static QuestionDocuments Read(string path, string what, Func<JsonElement, QuestionDocuments> read)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(InputFile.ReadBytes(path, $"give the file of {what} as published"));
            QuestionDocuments data = read(document.RootElement);
            return data.Questions.Count > 0 ? data : throw InputFile.Error(path, $"has no question; expected {what} as published");
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or KeyNotFoundException or IndexOutOfRangeException)
        {
            throw InputFile.Error(path, $"is not {what} as published ({failure.Message.TrimEnd('.')})", failure);
        }
    }

    private static (Dictionary<string, int> Numbers, string[] Documents) Number(IEnumerable<string> texts)
    {
        string[] documents = [.. texts.Distinct().Order(StringComparer.Ordinal)];
        return (documents.Select((text, i) => (text, i)).ToDictionary(pair => pair.text, pair => pair.i), documents);
    }

    private static string Text(JsonElement element, string name) => element.GetProperty(name).GetString() ?? throw new InvalidOperationException($"\"{name}\" is null");
}
