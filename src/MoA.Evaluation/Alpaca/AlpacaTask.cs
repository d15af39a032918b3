using System.Text.Encodings.Web;
using System.Text.Json;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Tokenization;
using MoA.Evaluation.Data;
using MoA.Evaluation.Tasks;
using MoA.Search.Calibration;

namespace MoA.Evaluation.Alpaca;

/// <summary>
/// AlpacaEval (Li et al. 2023): instructions from its published file <c>alpaca_eval.json</c> or
/// <c>alpaca_eval_gpt4_baseline.json</c>, answers in the format that its own tool reads.
/// </summary>
internal static class AlpacaTask
{
    /// <summary>The data set on Hugging Face.</summary>
    public const string Repository = "tatsu-lab/alpaca_eval";

    /// <summary>The answers of a run, as AlpacaEval's <c>--model_outputs</c> takes them.</summary>
    public const string OutputFile = "model_outputs.json";

    /// <summary>Files that may hold the instructions, the one with the newer reference answers first.</summary>
    private static readonly string[] Files = ["alpaca_eval_gpt4_baseline.json", "alpaca_eval.json"];

    private static readonly JsonWriterOptions Readable = new() { Indented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads the instructions as items.</summary>
    /// <param name="model">The model that answers.</param>
    /// <param name="files">Where the file is.</param>
    /// <param name="maxNewTokens">Most tokens of an answer; the model's context bounds them too.</param>
    /// <param name="mostItems">Only the first instructions, or all.</param>
    /// <exception cref="InvalidInputException">The file is missing or not as published.</exception>
    public static EvaluationSet Read(LanguageModel model, DataSetFiles files, int maxNewTokens, int? mostItems)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(files);
        DataFile file = Files.Select(files.TryFind).FirstOrDefault(found => found is not null) ?? files.Find(Files[0]);
        QuestionEncoder questions = new(model);
        EvaluationItem[] items = [.. Parse(file).Take(mostItems ?? int.MaxValue).Select((instruction, i) =>
        {
            string id = $"{file.Name}[{i}]";
            int[] prompt = questions.EncodePrompt([new ChatMessage(ChatRole.User, instruction.Instruction)]);
            ItemReference reference = new()
            {
                Input = instruction.Instruction,
                Group = instruction.Dataset,
                Answers = instruction.Output is null ? [] : [instruction.Output],
            };
            return new EvaluationItem(id, prompt, reference) { MaxNewTokens = model.RoomFor(prompt.Length, maxNewTokens, id) };
        })];
        return new EvaluationSet("alpaca", items.Max(item => item.Length), AnswerScorer.None, items) { Source = Path.GetFileName(file.Name) };
    }

    /// <summary>Writes <c>model_outputs.json</c> from a folder's predictions.</summary>
    /// <returns>The file.</returns>
    /// <exception cref="InvalidInputException">A file of the folder is missing or damaged.</exception>
    public static string WriteOutputs(string folder)
    {
        EvaluationConfiguration configuration = EvaluationFolder.ReadConfiguration(folder);
        IReadOnlyList<Prediction> predictions = PredictionFile.ReadAll(folder);
        string path = Path.Combine(folder, OutputFile);
        WholeFile.Write(path, stream =>
        {
            using Utf8JsonWriter writer = new(stream, Readable);
            writer.WriteStartArray();
            foreach (Prediction prediction in predictions)
            {
                writer.WriteStartObject();
                writer.WriteString("dataset", prediction.Reference.Group);
                writer.WriteString("instruction", prediction.Reference.Input);
                writer.WriteString("output", prediction.Text);
                writer.WriteString("generator", $"{configuration.Model} {configuration.PolicySetting}");
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        });
        return path;
    }

    /// <summary>The instructions of a file: one JSON array of objects.</summary>
    internal static List<AlpacaInstruction> Parse(DataFile file)
    {
        using Stream stream = file.Open();
        List<AlpacaInstruction> instructions = [];
        try
        {
            using JsonDocument document = JsonDocument.Parse(stream, new JsonDocumentOptions { MaxDepth = 32 });
            if (document.RootElement.ValueKind != JsonValueKind.Array || document.RootElement.GetArrayLength() == 0)
                throw new InvalidInputException($"{file.Name}: expected a JSON array of {{\"instruction\":…}} objects, as AlpacaEval publishes it");
            foreach (JsonElement element in document.RootElement.EnumerateArray())
            {
                string origin = $"{file.Name}[{instructions.Count}]";
                if (element.ValueKind != JsonValueKind.Object)
                    throw new InvalidInputException($"{origin}: is no object; expected {{\"instruction\":…}}");
                DataLine line = new(element, origin);
                string text = line.Text("instruction");
                instructions.Add(new AlpacaInstruction(
                    text.Length > 0 ? text : throw line.Bad("instruction", "text that is not empty"),
                    line.OptionalText("dataset") ?? "", line.OptionalText("output"), line.OptionalText("generator")));
            }
        }
        catch (Exception failure) when (failure is JsonException or IOException)
        {
            throw new InvalidInputException($"{file.Name}: not valid JSON ({failure.Message.ReplaceLineEndings(" ").TrimEnd('.')})", failure);
        }

        return instructions;
    }
}
