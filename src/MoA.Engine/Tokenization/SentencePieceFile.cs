using System.Text;
using MoA.Engine.Files;

namespace MoA.Engine.Tokenization;

/// <summary>
/// A SentencePiece model, <c>tokenizer.model</c>: the message ModelProto of sentencepiece_model.proto. Of the kind BPE only.
/// </summary>
internal sealed class SentencePieceFile
{
    /// <summary>Its name in a model folder.</summary>
    public const string FileName = "tokenizer.model";

    private const int LongestFile = 256 << 20;

    private readonly string _path;
    private long _kind = 1; // unigram, where the file does not say

    private SentencePieceFile(string path) => _path = path;

    /// <summary>The pieces; the place of each is its id. None is empty, none stands there twice.</summary>
    public List<string> Pieces { get; } = [];

    /// <summary>Score of each piece; never NaN.</summary>
    public List<float> Scores { get; } = [];

    /// <summary>What each piece is; the numbers are those of GGUF.</summary>
    public List<GgufTokenType> Types { get; } = [];

    /// <summary>Whether characters without a piece are written as bytes.</summary>
    public bool ByteFallback { get; private set; }

    /// <summary>Whether a space is put in front of a text.</summary>
    public bool AddsSpace { get; private set; } = true;

    /// <summary>Whether spaces at the ends are dropped and several in a row become one.</summary>
    public bool RemovesSpaces { get; private set; } = true;

    /// <summary>The piece for what cannot be written.</summary>
    public int? UnknownId => Types.IndexOf(GgufTokenType.Unknown) is >= 0 and int id ? id : null;

    /// <summary>The piece that begins a text.</summary>
    public int? BosId { get; private set; } = 1;

    /// <summary>The piece that ends a text.</summary>
    public int? EosId { get; private set; } = 2;

    /// <summary>Reads a file.</summary>
    /// <exception cref="InvalidInputException">It cannot be read, is malformed, or is of a kind that is not run.</exception>
    public static SentencePieceFile Read(string path)
    {
        byte[] bytes = InputFile.ReadBytes(path, longest: LongestFile);
        SentencePieceFile file = new(path);
        if (bytes is not [0x0A, ..])
        {
            throw InputFile.Error(path, "is no SentencePiece model; expected the message ModelProto " +
                "(other kinds of vocabulary have the same name: add the model's tokenizer.json then)");
        }

        ProtobufReader reader = new(path, bytes);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    file.ReadPiece(reader.Bytes());
                    break;
                case 2:
                    file.ReadTrainer(reader.Bytes());
                    break;
                case 3:
                    file.ReadNormalizer(reader.Bytes());
                    break;
            }
        }

        file.Check();
        return file;
    }

    private void ReadPiece(ReadOnlySpan<byte> message)
    {
        ProtobufReader reader = new(_path, message);
        string piece = "";
        float score = 0;
        long type = (long)GgufTokenType.Normal;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    piece = Encoding.UTF8.GetString(reader.Bytes());
                    break;
                case 2:
                    score = reader.Single();
                    break;
                case 3:
                    type = reader.Integer();
                    break;
            }
        }

        if (piece.Length == 0 || float.IsNaN(score) || type is < 1 or > 6)
            throw InputFile.Error(_path, $"piece {Pieces.Count} is empty, scored NaN or of type {type}; expected a text, a number and a type from 1 to 6");
        Pieces.Add(piece);
        Scores.Add(score);
        Types.Add((GgufTokenType)type);
    }

    private void ReadTrainer(ReadOnlySpan<byte> message)
    {
        ProtobufReader reader = new(_path, message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3:
                    _kind = reader.Integer();
                    break;
                case 24 when reader.Boolean():
                    throw InputFile.Error(_path, "puts its space mark behind words (treat_whitespace_as_suffix); expected it before them");
                case 35:
                    ByteFallback = reader.Boolean();
                    break;
                case 41:
                    BosId = Id(reader.Integer());
                    break;
                case 42:
                    EosId = Id(reader.Integer());
                    break;
            }
        }

        // Negative numbers are written as 64 bits: the vocabulary has no such piece.
        static int? Id(long number) => number is >= 0 and <= int.MaxValue ? (int)number : null;
    }

    private void ReadNormalizer(ReadOnlySpan<byte> message)
    {
        ProtobufReader reader = new(_path, message);
        string name = "";
        bool rewrites = false, marksSpaces = true;
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    name = Encoding.UTF8.GetString(reader.Bytes());
                    break;
                case 2:
                    rewrites = reader.Bytes().Length > 0;
                    break;
                case 3:
                    AddsSpace = reader.Boolean();
                    break;
                case 4:
                    RemovesSpaces = reader.Boolean();
                    break;
                case 5:
                    marksSpaces = reader.Boolean();
                    break;
            }
        }

        if (rewrites)
            throw InputFile.Error(_path, $"normalises text by the rules \"{InputFile.Cut(name)}\"; expected identity: use the model's tokenizer.json");
        if (!marksSpaces)
            throw InputFile.Error(_path, "leaves spaces as they are (escape_whitespaces is false); expected a mark in their place");
    }

    private void Check()
    {
        if (_kind != 2)
        {
            string kind = _kind switch { 1 => "unigram", 3 => "word", 4 => "char", _ => $"{_kind}" };
            throw InputFile.Error(_path, $"the SentencePiece model is of the kind {kind}; expected BPE: use the model's tokenizer.json");
        }

        HashSet<string> seen = new(StringComparer.Ordinal);
        if (Pieces.Find(piece => !seen.Add(piece)) is string twice)
            throw InputFile.Error(_path, $"the piece \"{InputFile.Cut(twice)}\" stands there twice; expected one of each");
        if (Types.IndexOf(GgufTokenType.Unused) is >= 0 and int unused)
            throw InputFile.Error(_path, $"piece {unused} is marked as unused, which is not supported; use the model's tokenizer.json");
        if (BosId >= Pieces.Count)
            BosId = null;
        if (EosId >= Pieces.Count)
            EosId = null;
    }
}
