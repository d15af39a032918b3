using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using MoA.Engine;
using MoA.Search.Optimization;
using Spectre.Console;

namespace MoA.Benchmarks.PlanSearch;

/// <summary><c>search</c>: loss, proven bound and time of the plan search.</summary>
internal sealed class SearchCommand : Command
{
    private readonly Option<string[]> _instances = new("--instances")
    {
        Description = "Problem folders, or sizes of synthetic problems: LAYERSxHEADS, or LAYERSxHEADS/KVHEADS",
        HelpName = "DIR|SIZE …",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => ["32x32", "80x64/8", "80x64"],
    };

    private readonly Option<string[]> _limits = new("--max-rules-per-layer")
    {
        Description = "Limits on the distinct rules in a layer: a number, none, or same for one rule a layer by construction",
        HelpName = "K|none|same …",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => ["none", "1", "2", "3"],
    };

    private readonly Option<bool> _sweep = new("--sweep")
    {
        Description = "Measures whole sweeps (every objective in every cell, then the refinement) instead of single objectives",
    };

    private readonly Option<int> _seed = new("--seed")
    {
        Description = "Seed of synthetic problems",
        HelpName = "N",
        DefaultValueFactory = _ => 1,
    };

    private readonly Option<double?> _timeLimit = new("--time-limit")
    {
        Description = "Seconds after which an objective's best plan so far is taken (default: a fixed amount of work)",
        HelpName = "S",
    };

    private readonly Option<bool> _json = new("--json")
    {
        Description = "One JSON document on standard output, nothing else there",
    };

    public SearchCommand()
        : base("search", "Measures the plan search: loss, proven gap, elapsed and processor seconds of every objective.")
    {
        Options.Add(_instances);
        Options.Add(_limits);
        Options.Add(_sweep);
        Options.Add(_seed);
        Options.Add(_timeLimit);
        Options.Add(_json);
        SetAction(Run);
    }

    private int Run(ParseResult parsed)
    {
        try
        {
            List<SearchRow> rows = Measure(parsed);
            if (parsed.GetValue(_json))
                SearchReport.WriteJson(Console.OpenStandardOutput(), rows);
            else
                SearchReport.WriteTable(AnsiConsole.Console, rows);
            return 0;
        }
        catch (InvalidInputException exception)
        {
            Console.Error.WriteLine(exception.Message);
            return Program.BadArguments;
        }
    }

    private List<SearchRow> Measure(ParseResult parsed)
    {
        PlanSolverOptions options = parsed.GetValue(_timeLimit) is double seconds
            ? new PlanSolverOptions { TimeLimit = TimeSpan.FromSeconds(seconds), WorkLimit = long.MaxValue }
            : new PlanSolverOptions();
        List<SearchRow> rows = [];
        Warm();
        foreach (string name in parsed.GetValue(_instances)!)
        {
            SearchInstance instance = SearchInstance.Of(name, parsed.GetValue(_seed));
            foreach (string limit in parsed.GetValue(_limits)!)
            {
                PlanProblem problem = Limited(instance.Problem, limit);
                rows.AddRange(parsed.GetValue(_sweep)
                    ? Sweep(instance.Name, limit, problem, options)
                    : Objectives(instance.Name, limit, problem, options));
                Console.Error.WriteLine($"{instance.Name}, K {limit}: {rows[^1].Seconds:F1} s");
            }
        }

        return rows;
    }

    private static PlanProblem Limited(PlanProblem problem, string limit) => limit switch
    {
        "none" => problem.WithLimits(null, problem.DensityFloor),
        "same" => problem.WithLimits(null, problem.DensityFloor, samePerLayer: true),
        _ when int.TryParse(limit, NumberStyles.None, CultureInfo.InvariantCulture, out int rules) && rules > 0 =>
            problem.WithLimits(rules, problem.DensityFloor),
        _ => throw new InvalidInputException($"--max-rules-per-layer {limit}: expected a number above 0, none or same"),
    };

    /// <summary>Has the search compiled before anything is timed.</summary>
    private static void Warm()
    {
        PlanProblem problem = SyntheticProblem.Create(4, 4, 4, 0);
        foreach (string limit in new[] { "none", "2" })
        {
            for (int round = 0; round < 4; round++)
                _ = PlanSolver.Solve(Limited(problem, limit), 0);
        }
    }

    private static IEnumerable<SearchRow> Objectives(string name, string limit, PlanProblem problem, PlanSolverOptions options)
    {
        for (int objective = 0; objective < problem.Objectives.Count; objective++)
        {
            Stopwatch clock = Stopwatch.StartNew();
            TimeSpan processor = Environment.CpuUsage.UserTime;
            PlanSolution solution = PlanSolver.Solve(problem, objective, options: options);
            yield return new SearchRow(
                name,
                limit,
                problem.Objectives[objective].Length,
                solution.Loss,
                solution.LowerBound,
                solution.RelativeGap,
                clock.Elapsed.TotalSeconds,
                (Environment.CpuUsage.UserTime - processor).TotalSeconds);
        }
    }

    /// <summary>One row an objective; all carry the time of the whole sweep.</summary>
    private static IEnumerable<SearchRow> Sweep(string name, string limit, PlanProblem problem, PlanSolverOptions options)
    {
        Stopwatch clock = Stopwatch.StartNew();
        TimeSpan processor = Environment.CpuUsage.UserTime;
        OptimizationResult result = ParetoSweep.Run(problem, new ParetoSweepOptions { Optimum = options });
        double seconds = clock.Elapsed.TotalSeconds;
        double used = (Environment.CpuUsage.UserTime - processor).TotalSeconds;
        return result.Objectives.Select(objective => new SearchRow(
            name, limit, objective.Length, objective.Loss, objective.LowerBound, objective.RelativeGap, seconds, used)
        {
            Programmes = result.Programmes,
            Plans = result.Plans.Count,
        });
    }
}
