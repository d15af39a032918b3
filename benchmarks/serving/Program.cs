using MoA.Serving.Benchmarks;

Dictionary<string, Func<Settings, Report, Task>> cases = new()
{
    ["load"] = LoadCase.RunAsync,
    ["turn"] = TurnCase.RunAsync,
    ["kill"] = KillCase.RunAsync,
    ["streams"] = StreamsCase.RunAsync,
    ["prompt"] = PromptCase.RunAsync,
    ["overhead"] = OverheadCase.RunAsync,
    ["conversations"] = ConversationsCase.RunAsync,
};
try
{
    Settings settings = new(args);
    if (!cases.TryGetValue(settings.Case, out Func<Settings, Report, Task>? run))
        throw new ArgumentException($"there is no case '{settings.Case}'; expected one of {string.Join(", ", cases.Keys)}");
    Report report = new();
    await run(settings, report);
    return report.Holds ? 0 : 1;
}
catch (ArgumentException failure)
{
    Console.Error.WriteLine($"serving: {failure.Message}");
    return 2;
}
