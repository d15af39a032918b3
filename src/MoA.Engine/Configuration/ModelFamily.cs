using MoA.Engine.Configuration.Families;
using MoA.Engine.Files;

namespace MoA.Engine.Configuration;

/// <summary>
/// A family of models: how its files say what its layers are, and what they call its tensors. Once they are read, only the
/// <see cref="LayerDescription"/>s decide what is computed. A new family is a class under <c>Families</c> and its line in <see cref="All"/>.
/// </summary>
internal abstract class ModelFamily
{
    private protected ModelFamily()
    {
    }

    /// <summary>The families that the engine runs.</summary>
    public static IReadOnlyList<ModelFamily> All { get; } =
    [
        new Llama(), new Mixtral(), new Mistral(), new Qwen2(), new Qwen3(), new Qwen3Moe(), new Phi3(), new Gemma2(), new Gemma3(), new SmolLm3(), new Olmo2(), new Olmo3(),
        new Granite(), new GptOss(),
    ];

    /// <summary>What the transformers library calls it: the name of its classes without <c>ForCausalLM</c>.</summary>
    public abstract string Name { get; }

    /// <summary><c>model_type</c> in config.json.</summary>
    internal abstract string ModelType { get; }

    /// <summary><c>general.architecture</c> in GGUF files.</summary>
    internal virtual string GgufName => ModelType;

    /// <summary>The order of RoPE's pairs that GGUF files store.</summary>
    internal virtual RopePairs GgufPairs => RopePairs.Halves;

    /// <summary>Whether yarn's blend ends at whole indices where a GGUF file does not say.</summary>
    internal virtual bool GgufYarnTruncates => true;

    /// <summary>The rotary embedding of layers with a window by that of the others, where a GGUF file does not say.</summary>
    internal virtual RopeSettings GgufSlidingRope(RopeSettings full) => full;

    /// <summary>What config.json may leave out.</summary>
    internal virtual ConfigDefaults Defaults => new();

    /// <summary>The names of tensors in Hugging Face checkpoints, below <c>model.</c>.</summary>
    internal virtual WeightNames HuggingFaceNames => WeightNames.HuggingFace;

    /// <summary>The names of tensors in GGUF files.</summary>
    internal virtual WeightNames GgufNames => WeightNames.Gguf;

    /// <summary>Whether every model of the family adds biases to queries, keys and values; elsewhere files may have them.</summary>
    internal virtual bool HasQueryKeyValueBiases => false;

    /// <summary>Shapes of published models, for random ones: a name, and what config.json says of it.</summary>
    internal virtual IReadOnlyList<(string Name, string Config)> Shapes => [];

    /// <summary>Whether every model of the family adds a bias to the output of attention; elsewhere files may have it.</summary>
    internal virtual bool HasOutputBias => false;

    /// <summary>Whether Hugging Face checkpoints of the family may have experts in MXFP4.</summary>
    internal virtual bool ReadsMxfp4 => false;

    /// <summary>The family of that <see cref="Name"/>.</summary>
    /// <exception cref="ArgumentException">There is none.</exception>
    public static ModelFamily Named(string name) => All.FirstOrDefault(family => family.Name == name) ??
        throw new ArgumentException($"There is no family {name}; expected one of {string.Join(", ", All)}.", nameof(name));

    /// <inheritdoc/>
    public sealed override string ToString() => Name;

    /// <summary>Whether a config.json that names a class of the transformers library holds a model of this family.</summary>
    internal virtual bool Accepts(string className) => className == Name + "ForCausalLM" || className == Name + "Model";

    /// <summary>Whether a GGUF file holds a model of this family.</summary>
    internal virtual bool Matches(string architecture, GgufMetadata metadata) => architecture == GgufName;

    /// <summary>The model of a config.json.</summary>
    internal virtual ModelConfig Read(HuggingFaceConfig file) => file.Model();

    /// <summary>The model of a GGUF file's metadata.</summary>
    internal virtual ModelConfig Read(GgufConfig file) => file.Model();

    /// <summary>Writes the keys of a GGUF file that only this family has.</summary>
    internal virtual void Write(GgufWriter file, ModelConfig model)
    {
    }

    /// <summary>Sentences on what other programs do not read in a GGUF file of this model.</summary>
    internal virtual IEnumerable<string> Unwritten(ModelConfig model) => [];

    /// <summary>What GGUF cannot say of the model, so that a file would be of another one; null where there is nothing.</summary>
    internal virtual string? Unwritable(ModelConfig model) => null;
}
