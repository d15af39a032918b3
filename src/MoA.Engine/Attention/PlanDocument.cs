namespace MoA.Engine.Attention;

/// <summary>A plan as a file holds it: the rules, and what is known about their origin.</summary>
/// <param name="Plan">The rules.</param>
/// <param name="Model">The model that the plan was made for; null if the file does not say.</param>
/// <param name="Search">How the plan was found; null if the file does not say.</param>
internal sealed record PlanDocument(AttentionPlan Plan, PlanModel? Model = null, PlanSearch? Search = null)
{
    /// <summary>
    /// Whether the file says which heads the rules belong to. Files of the research code do not: their plan is read as
    /// one of query heads, and <see cref="FitTo"/> decides by the number of rules in a layer.
    /// </summary>
    public bool StatesHeadKind { get; init; } = true;

    /// <summary>
    /// The scorer by which heads choose their rows, as it stands behind <c>scorer=</c> on the command line, with its settings; null where the last rows stay.
    /// </summary>
    public string? Scorer { get; init; }

    /// <summary>Checks that the plan can be used with a model.</summary>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="queryHeads">Query heads of its layers.</param>
    /// <param name="keyValueHeads">KV heads of its layers.</param>
    /// <param name="fileName">File of the plan, for the message.</param>
    /// <exception cref="InvalidInputException">The plan belongs to a model of another shape.</exception>
    public void CheckFits(int layers, int queryHeads, int keyValueHeads, string fileName) =>
        _ = FitTo(layers, queryHeads, keyValueHeads, fileName);

    /// <summary>The plan for a model's heads, with the kind of heads decided where the file leaves it open.</summary>
    /// <param name="layers">Layers of the model.</param>
    /// <param name="queryHeads">Query heads of its layers.</param>
    /// <param name="keyValueHeads">KV heads of its layers.</param>
    /// <param name="fileName">File of the plan, for the message.</param>
    /// <exception cref="InvalidInputException">The plan belongs to a model of another shape.</exception>
    public AttentionPlan FitTo(int layers, int queryHeads, int keyValueHeads, string fileName)
    {
        HeadKind kind = StatesHeadKind || Plan.HeadsPerLayer == queryHeads ? Plan.HeadKind : HeadKind.KeyValue;
        int expected = kind == HeadKind.Query ? queryHeads : keyValueHeads;
        bool sameModel = Model is null
            || (Model.Layers == layers && Model.QueryHeads == queryHeads && Model.KeyValueHeads == keyValueHeads);
        if (Plan.Layers != layers || Plan.HeadsPerLayer != expected || !sameModel)
        {
            throw new InvalidInputException(
                $"{fileName}: a plan for {Shape(kind)}; the model has {layers} layers of {queryHeads} query heads and "
                + $"{keyValueHeads} KV heads. Use a plan that was made for this model.");
        }

        return kind == Plan.HeadKind ? Plan : WithKind(kind);
    }

    private string Shape(HeadKind kind)
    {
        if (Model is not null)
        {
            return $"{Model.Name ?? "a model"} of {Model.Layers} layers of {Model.QueryHeads} query heads and "
                + $"{Model.KeyValueHeads} KV heads";
        }

        string heads = !StatesHeadKind ? "heads" : kind == HeadKind.Query ? "query heads" : "KV heads";
        return $"{Plan.Layers} layers of {Plan.HeadsPerLayer} {heads}";
    }

    private AttentionPlan WithKind(HeadKind kind)
    {
        ElasticRule[][] rules =
        [
            .. Enumerable.Range(0, Plan.Layers).Select(
                layer => Enumerable.Range(0, Plan.HeadsPerLayer).Select(head => Plan[layer, head]).ToArray()),
        ];
        return new AttentionPlan(rules, kind);
    }
}
