using MoA.Engine;
using MoA.Engine.Attention;

namespace MoA.Search.Optimization;

/// <summary>
/// Which rule should every head get? Losses and densities of every choice, and the bounds that a plan has to keep
/// (docs/method.md, section 6).
/// </summary>
internal sealed class PlanProblem
{
    /// <summary>Creates a problem and checks that its parts fit each other.</summary>
    /// <param name="layers">Number of layers.</param>
    /// <param name="headsPerLayer">Heads of a layer that get a rule of their own.</param>
    /// <param name="rules">Candidate rules, R of them.</param>
    /// <param name="objectives">One loss per profile length; at least one.</param>
    /// <param name="constraints">Density bounds; at least one.</param>
    /// <exception cref="InvalidInputException">A part is empty, of another size, not finite or out of range.</exception>
    public PlanProblem(
        int layers,
        int headsPerLayer,
        IReadOnlyList<ElasticRule> rules,
        IReadOnlyList<PlanObjective> objectives,
        IReadOnlyList<DensityConstraint> constraints)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(objectives);
        ArgumentNullException.ThrowIfNull(constraints);
        Layers = layers;
        HeadsPerLayer = headsPerLayer;
        Rules = rules;
        Objectives = objectives;
        Constraints = constraints;
        Check();
        Constraints = [.. constraints.Select(constraint => constraint.InWholeBlocks())];
    }

    /// <summary>Number of layers.</summary>
    public int Layers { get; }

    /// <summary>Heads of a layer.</summary>
    public int HeadsPerLayer { get; }

    /// <summary>Number of heads of all layers; head h of layer l has index l·HeadsPerLayer + h.</summary>
    public int Heads => Layers * HeadsPerLayer;

    /// <summary>The candidate rules.</summary>
    public IReadOnlyList<ElasticRule> Rules { get; }

    /// <summary>The loss at each profile length.</summary>
    public IReadOnlyList<PlanObjective> Objectives { get; }

    /// <summary>The density bounds; densities that stand for whole blocks are exactly that.</summary>
    public IReadOnlyList<DensityConstraint> Constraints { get; }

    /// <summary>Greatest number of different rules within one layer; null for no limit.</summary>
    /// <exception cref="InvalidInputException">It is below 1.</exception>
    public int? MaxRulesPerLayer
    {
        get;
        init
        {
            Require(value is null or >= 1, $"at most {value} rules in a layer", "at least 1, or no limit");
            field = value;
        }
    }

    /// <summary>Least mean density as a share of each bound, in (0, 1]; null for none.</summary>
    /// <exception cref="InvalidInputException">It is out of range.</exception>
    public double? DensityFloor
    {
        get;
        init
        {
            Require(value is null or (> 0 and <= 1), FormattableString.Invariant($"the density floor {value}"), "a share of the bounds above 0 and at most 1");
            field = value;
        }
    }

    /// <summary>Whether all heads of a layer share one rule.</summary>
    public bool SamePerLayer { get; init; }

    /// <summary>The scorer, as plan files name it, in whose order losses were summed: plans are run with it. Null: the last rows stay.</summary>
    public string? Scorer { get; init; }

    /// <summary>
    /// Which layers of a model the problem's layers are, and how many the model has; null: all of them. Those that are not
    /// searched keep everything, within windows of their own.
    /// </summary>
    public (IReadOnlyList<int> Searched, int Layers)? Model { get; init; }

    /// <summary>
    /// Reads <c>instance.json</c> and <c>instance.safetensors</c> of a folder (format: docs/optimization.md). The
    /// density floor of the file, if any, is taken over.
    /// </summary>
    /// <param name="folder">Folder of the two files.</param>
    /// <exception cref="InvalidInputException">A file is missing or malformed, or its contents cannot be used.</exception>
    public static PlanProblem Load(string folder) => PlanProblemReader.Read(folder);

    /// <summary>The same problem with other limits.</summary>
    /// <param name="maxRulesPerLayer">Greatest number of different rules within a layer; null for no limit.</param>
    /// <param name="densityFloor">Least mean density as a share of each bound; null for none.</param>
    /// <param name="samePerLayer">Whether all heads of a layer share one rule.</param>
    public PlanProblem WithLimits(int? maxRulesPerLayer, double? densityFloor, bool samePerLayer = false) =>
        new(Layers, HeadsPerLayer, Rules, Objectives, Constraints)
        {
            MaxRulesPerLayer = maxRulesPerLayer,
            DensityFloor = densityFloor,
            SamePerLayer = samePerLayer,
            Model = Model,
            Scorer = Scorer,
        };

    /// <summary>Loss of a plan at each profile length, summed over heads.</summary>
    /// <param name="ruleOfHead">[Heads]: index of each head's rule.</param>
    public double[] LossesOf(ReadOnlySpan<int> ruleOfHead)
    {
        double[] losses = new double[Objectives.Count];
        for (int objective = 0; objective < losses.Length; objective++)
        {
            for (int head = 0; head < Heads; head++)
                losses[objective] += Objectives[objective].Losses[head * Rules.Count + ruleOfHead[head]];
        }

        return losses;
    }

    /// <summary>Mean density of a plan at each constrained length.</summary>
    /// <param name="ruleOfHead">[Heads]: index of each head's rule.</param>
    public double[] DensitiesOf(ReadOnlySpan<int> ruleOfHead)
    {
        double[] densities = new double[Constraints.Count];
        for (int constraint = 0; constraint < densities.Length; constraint++)
        {
            double sum = 0;
            foreach (int rule in ruleOfHead)
                sum += Constraints[constraint].Densities[rule];
            densities[constraint] = sum / Heads;
        }

        return densities;
    }

    /// <summary>The plan that a choice of rules stands for.</summary>
    /// <param name="ruleOfHead">[Heads]: index of each head's rule.</param>
    /// <param name="headKind">Which heads of the model the problem's heads are.</param>
    public AttentionPlan ToPlan(ReadOnlySpan<int> ruleOfHead, HeadKind headKind)
    {
        ElasticRule[][] rows = [.. Enumerable.Range(0, Model?.Layers ?? Layers)
            .Select(_ => Enumerable.Repeat(ElasticRule.Dense with { Block = Rules[0].Block }, HeadsPerLayer).ToArray())];
        for (int layer = 0; layer < Layers; layer++)
        {
            for (int head = 0; head < HeadsPerLayer; head++)
                rows[Model?.Searched[layer] ?? layer][head] = Rules[ruleOfHead[layer * HeadsPerLayer + head]];
        }

        return new AttentionPlan(rows, headKind);
    }

    private void Check()
    {
        Require(Layers > 0 && HeadsPerLayer > 0, $"{Layers} layers of {HeadsPerLayer} heads", "at least one of each");
        Require(Rules.Count > 0, "no rules", "at least one");
        Require(Objectives.Count > 0, "no profile lengths", "at least one");
        Require(Constraints.Count > 0, "no density bounds", "at least one");
        long choices = (long)Heads * Rules.Count;
        foreach (PlanObjective objective in Objectives)
        {
            Require(objective.Length > 0, $"the profile length {objective.Length}", "a number of tokens above 0");
            Require(
                objective.Losses.Length == choices,
                $"{objective.Losses.Length} losses at length {objective.Length}",
                $"{Layers}×{HeadsPerLayer} heads × {Rules.Count} rules = {choices}");
            Require(
                Array.TrueForAll(objective.Losses, double.IsFinite),
                $"a loss at length {objective.Length} that is not a finite number",
                "finite numbers; profile again");
        }

        foreach (DensityConstraint constraint in Constraints)
        {
            Require(constraint.Length > 0, $"a density bound at length {constraint.Length}", "a number of tokens above 0");
            Require(
                constraint.Densities.Length == Rules.Count,
                $"{constraint.Densities.Length} densities at length {constraint.Length}",
                $"one for each of the {Rules.Count} rules");
            Require(
                Array.TrueForAll(constraint.Densities, density => density is >= 0 and <= 1),
                $"a density at length {constraint.Length} outside [0, 1]",
                "shares of the full cache");
            Require(
                constraint.Bound is > 0 and <= 1,
                $"the density bound {constraint.Bound} at length {constraint.Length}",
                "a share above 0 and at most 1");
        }
    }

    private static void Require(bool holds, string read, string expected)
    {
        if (!holds)
            throw new InvalidInputException($"The plan problem has {read}; expected {expected}.");
    }
}
