using MoA.Cluster.Simulation;
using MoA.Cluster.Simulation.Cases;

Dictionary<string, Action<Settings>> cases = new()
{
    ["serving"] = ServingCase.Run,
    ["size"] = SizeCase.Run,
    ["search"] = SearchCase.Run,
    ["measure"] = MeasureCase.Run,
};
try
{
    Settings settings = new(args);
    if (!cases.TryGetValue(settings.Case, out Action<Settings>? run))
        throw new ArgumentException($"there is no case '{settings.Case}'; expected one of {string.Join(", ", cases.Keys)}");
    run(settings);
    return 0;
}
catch (ArgumentException failure)
{
    Console.Error.WriteLine($"simulation: {failure.Message}");
    return 2;
}
