namespace MoA.Evaluation.Reports;

/// <summary>The model that a plan was searched for.</summary>
/// <param name="Name">Name as the model folder or file gives it.</param>
/// <param name="Layers">Layers L.</param>
/// <param name="QueryHeads">Query heads H of a layer.</param>
/// <param name="KeyValueHeads">KV heads G of a layer.</param>
/// <param name="HeadSize">Components of a head's query, key or value.</param>
/// <param name="Parameters">Number of weights.</param>
public sealed record ReportModel(
    string Name, int Layers, int QueryHeads, int KeyValueHeads, int HeadSize, long Parameters);
