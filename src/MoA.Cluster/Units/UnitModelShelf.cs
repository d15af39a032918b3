using MoA.Cluster.Members;
using MoA.Engine;
using MoA.Engine.Files;
using MoA.Engine.Generation;
using MoA.Engine.Hub;
using MoA.Engine.Kernels;
using MoA.Engine.Models;
using MoA.Engine.Numerics;

namespace MoA.Cluster.Units;

/// <summary>
/// The model that a member computes units with: one at a time, kept until a unit of another comes. It is looked for by the name that the
/// unit gives, then among the member's own, then on the hub, and taken only if its fingerprint is the unit's. For one caller at a time.
/// </summary>
internal sealed class UnitModelShelf(UnitOptions options) : IDisposable
{
    private ComputeBackend? _backend;
    private LanguageModel? _model;

    /// <summary>The model that is loaded, or null. May be asked at any time.</summary>
    public MemberModel? Loaded { get; private set; }

    /// <summary>The model of a unit.</summary>
    /// <param name="wanted">What is asked for.</param>
    /// <param name="cancellation">Ends the loading.</param>
    /// <exception cref="InvalidInputException">This machine has no such model, or another of the name.</exception>
    /// <exception cref="IOException">The hub could not be reached, or a file could not be read.</exception>
    public LanguageModel Open(UnitModel wanted, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(wanted);
        if (_model is not null && Loaded?.Fingerprint == wanted.Fingerprint)
            return _model;
        Close();
        _backend ??= options.CreateBackend();
        List<string> reasons = [];
        foreach (Func<string?> place in Places(wanted, cancellation))
        {
            try
            {
                if (place() is not string path)
                    continue;
                LanguageModel model = Load(path, wanted, cancellation);
                string found = ModelFingerprint.Of(model);
                if (found == wanted.Fingerprint)
                {
                    _model = model;
                    _ = model.PlaceWeights(options.Residency, SequenceGroups.BudgetBytes, cancellation);
                    Loaded = new MemberModel(model.Name, found, model.WeightBytes);
                    return model;
                }

                model.Dispose();
                reasons.Add($"{path}: another model, of fingerprint {found} where {wanted.Fingerprint} is asked for");
            }
            catch (InvalidInputException failure)
            {
                reasons.Add(failure.Message);
            }
        }

        throw new InvalidInputException(string.Join("; ", reasons));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Close();
        _backend?.Dispose();
        _backend = null;
    }

    private void Close()
    {
        Loaded = null;
        _model?.Dispose();
        _model = null;
    }

    private IEnumerable<Func<string?>> Places(UnitModel wanted, CancellationToken cancellation)
    {
        if (wanted.Name.Length == 0)
        {
            yield return () => options.EmbeddedModel;
            yield break;
        }

        yield return () => LanguageModel.Find(wanted.Name);
        foreach (string model in options.Models)
            yield return () => LanguageModel.Find(model);
        if (options.MayPull && HubName.TryParse(wanted.Name) is HubName name && !Path.Exists(wanted.Name))
            yield return () => Pull(name, cancellation);
    }

    private string Pull(HubName name, CancellationToken cancellation)
    {
        options.Note($"fetching {name} from the hub");
        HubSettings settings = HubSettings.FromEnvironment();
        _ = new ModelPull(settings).RunAsync(name, [], static _ => { }, cancellation).GetAwaiter().GetResult();
        return new HubCache(settings.CacheFolder).Find(name);
    }

    private LanguageModel Load(string path, UnitModel wanted, CancellationToken cancellation)
    {
        ElementType? weights = wanted.Weights is null ? null : ElementTypes.Parse(wanted.Weights)
            ?? throw new InvalidInputException($"--weights {wanted.Weights}: no format of that name");
        string? template = wanted.ChatTemplate is null ? null : Path.GetTempFileName();
        try
        {
            if (template is not null)
                File.WriteAllText(template, wanted.ChatTemplate);
            options.Note($"opening {path}");
            return LanguageModel.Load(path, _backend!, weights: weights, chatTemplate: template, residency: WeightResidency.Mapped, cancellation: cancellation);
        }
        finally
        {
            if (template is not null)
                File.Delete(template);
        }
    }
}
