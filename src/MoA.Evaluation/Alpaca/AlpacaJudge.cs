using System.Globalization;
using System.Text.Json;
using MoA.Engine;
using MoA.Evaluation.Tasks;
using MoA.Search;

namespace MoA.Evaluation.Alpaca;

/// <summary>
/// Judges answers against the reference answers through an OpenAI-compatible endpoint, as AlpacaEval 2's weighted
/// annotator does: its prompt, one token of answer, and the probability that it names the model. Judgements are kept in
/// <c>judgements.jsonl</c> and asked for once only. AlpacaEval's correction for length is not made.
/// </summary>
internal sealed class AlpacaJudge : IDisposable
{
    /// <summary>How long one answer of the judge may take, unless said otherwise.</summary>
    public static readonly TimeSpan DefaultTimeout = TimeSpan.FromMinutes(2);

    private const string Model1 = "m", Model2 = "M";

    private readonly JudgeEndpoint _endpoint;
    private readonly string _judge;

    /// <summary>A judge.</summary>
    /// <param name="url">The endpoint's base, such as <c>http://localhost:8080/v1</c>.</param>
    /// <param name="judge">The judging model's name there.</param>
    /// <param name="key">The key that is sent, or null.</param>
    /// <param name="timeout">How long one answer may take; null for <see cref="DefaultTimeout"/>.</param>
    /// <exception cref="InvalidInputException">The URL is none, or the key cannot be sent.</exception>
    public AlpacaJudge(string url, string judge, string? key, TimeSpan? timeout = null)
        : this(url, judge, key, new HttpClientHandler(), timeout)
    {
    }

    internal AlpacaJudge(string url, string judge, string? key, HttpMessageHandler handler, TimeSpan? timeout = null, Action<TimeSpan, CancellationToken>? wait = null)
    {
        _judge = judge;
        _endpoint = new JudgeEndpoint(url, key, handler, timeout ?? DefaultTimeout, wait);
    }

    /// <summary>Refuses instructions that cannot be judged, before a model answers them.</summary>
    /// <exception cref="InvalidInputException">An instruction has no reference answer.</exception>
    public static void Check(EvaluationSet set)
    {
        ArgumentNullException.ThrowIfNull(set);
        foreach (EvaluationItem item in set.Items)
            _ = ReferenceOf(item.Id, item.Reference);
    }

    /// <summary>
    /// The share of answers that the judge prefers to the references, each weighted by its probability; becomes the
    /// accuracy in the folder's metrics.
    /// </summary>
    /// <param name="folder">A result folder of the task alpaca.</param>
    /// <param name="progress">Told after every judgement.</param>
    /// <param name="cancellation">Stops between judgements.</param>
    /// <exception cref="InvalidInputException">An instruction has no reference answer.</exception>
    /// <exception cref="IOException">
    /// The endpoint cannot be reached, takes too long or answers with an error, several times where that may pass. What was judged is kept.
    /// </exception>
    public EvaluationMetrics Judge(string folder, Action<StepProgress>? progress = null, CancellationToken cancellation = default)
    {
        IReadOnlyList<Prediction> predictions = PredictionFile.ReadAll(folder);
        using ResultJournal journal = ResultJournal.Open(Path.Combine(folder, "judgements.jsonl"));
        double[] preferences = new double[predictions.Count];
        for (int i = 0; i < predictions.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            Prediction prediction = predictions[i];
            string reference = ReferenceOf(prediction.Id, prediction.Reference);
            preferences[i] = Preference(prediction.Reference.Input ?? "", prediction.Text ?? "", reference, journal, cancellation);
            progress?.Invoke(new StepProgress("judge", _judge, i + 1, predictions.Count, 0));
        }

        return EvaluationFolder.WriteScores(folder, preferences);
    }

    /// <inheritdoc/>
    public void Dispose() => _endpoint.Dispose();

    private static string ReferenceOf(string id, ItemReference reference) => reference.Answers.Count > 0
        ? reference.Answers[0]
        : throw new InvalidInputException(
            $"{id}: the instruction has no reference \"output\" to compare with; use AlpacaEval's file with outputs");

    private double Preference(string instruction, string answer, string reference, ResultJournal journal, CancellationToken cancellation)
    {
        string key = ResultJournal.Hash(_judge, instruction, answer, reference);
        if (journal.TryGet(key, out JsonElement known) && known.ValueKind == JsonValueKind.Number)
            return known.GetDouble();

        // Judges favour a place; which answer comes first is drawn, the same every time.
        bool first = (ulong.Parse(key.AsSpan(0, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture) & 1) == 0;
        (string one, string two) = first ? (answer, reference) : (reference, answer);
        double firstWins = ReadPreference(_endpoint.Post(Request(instruction, one, two), cancellation));
        double preference = first ? firstWins : 1 - firstWins;
        journal.Add(key, writer => writer.WriteNumberValue(preference));
        return preference;
    }

    private byte[] Request(string instruction, string one, string two)
    {
        using MemoryStream body = new();
        using (Utf8JsonWriter writer = new(body))
        {
            writer.WriteStartObject();
            writer.WriteString("model", _judge);
            writer.WriteStartArray("messages");
            foreach ((string role, string text) in AlpacaJudgePrompt.Messages(instruction, one, two))
            {
                writer.WriteStartObject();
                writer.WriteString("role", role);
                writer.WriteString("content", text);
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
            writer.WriteNumber("max_tokens", 1);
            writer.WriteNumber("temperature", 0);
            writer.WriteBoolean("logprobs", true);
            writer.WriteNumber("top_logprobs", 5);
            writer.WriteEndObject();
        }

        return body.ToArray();
    }

    /// <summary>The probability of the first answer's name among both names; 1/2 if the judge says neither.</summary>
    internal static double ReadPreference(string response)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(response);
            JsonElement choice = document.RootElement.GetProperty("choices")[0];
            if (choice.TryGetProperty("logprobs", out JsonElement logprobs) && logprobs.ValueKind == JsonValueKind.Object
                && logprobs.TryGetProperty("content", out JsonElement content) && content.ValueKind == JsonValueKind.Array && content.GetArrayLength() > 0)
            {
                JsonElement[] top = [.. content[0].GetProperty("top_logprobs").EnumerateArray()];
                double one = Probability(top, Model1), two = Probability(top, Model2);
                return one + two > 0 ? one / (one + two) : 0.5;
            }

            string? said = choice.GetProperty("message").GetProperty("content").GetString()?.Trim();
            return said == Model1 ? 1 : said == Model2 ? 0 : 0.5;
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or InvalidOperationException or IndexOutOfRangeException or FormatException)
        {
            throw new IOException($"the judge's answer is no chat completion: {JudgeEndpoint.Shortened(response)}", failure);
        }
    }

    private static double Probability(JsonElement[] top, string token) => top
        .Where(entry => entry.GetProperty("token").GetString() == token)
        .Sum(entry => Math.Exp(entry.GetProperty("logprob").GetDouble()));
}
