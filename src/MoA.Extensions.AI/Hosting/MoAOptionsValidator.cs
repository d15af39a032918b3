using Microsoft.Extensions.Options;
using MoA.Engine;
using MoA.Engine.Generation;
using MoA.Engine.Numerics;

namespace MoA.Extensions.AI.Hosting;

/// <summary>Says what is wrong with options before a model is loaded; of what the service checks itself, the first.</summary>
internal sealed class MoAOptionsValidator : IValidateOptions<MoAOptions>
{
    public ValidateOptionsResult Validate(string? name, MoAOptions options)
    {
        List<string> failures = [];
        if (string.IsNullOrWhiteSpace(options.Model))
            failures.Add("Model is not set: expected a model's folder, a GGUF file, or org/name of the hub's cache");
        else
            Try(() => LanguageModel.Find(options.Model));
        if (options.Threads < 0)
            failures.Add($"Threads {options.Threads}: expected 0, for as many as there are cores, or more");
        if (options.CacheType is not (ElementType.BF16 or ElementType.F32 or ElementType.Q8_0))
            failures.Add($"CacheType {options.CacheType}: expected BF16, F32 or Q8_0");
        if (!Enum.IsDefined(options.Residency))
            failures.Add($"Residency {options.Residency}: expected {string.Join(", ", Enum.GetNames<Engine.Models.WeightResidency>())}");
        Try(() =>
        {
            options.Service.Check();
            return true;
        });
        string prefix = string.IsNullOrEmpty(name) ? "MoA: " : $"MoA '{name}': ";
        return failures.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(failures.Select(failure => prefix + failure));

        void Try<T>(Func<T> check)
        {
            try
            {
                _ = check();
            }
            catch (InvalidInputException failure)
            {
                failures.Add(failure.Message);
            }
        }
    }
}
