using MoA.Engine.Attention;
using MoA.Evaluation.Reports;

namespace MoA.Evaluation.Tests.Reports;

/// <summary>A small report with every part filled.</summary>
internal static class SampleReport
{
    public static CompressionReport Create(string modelName = "demo") => new()
    {
        ToolVersion = "1.2.3",
        Model = new ReportModel(
            modelName, Layers: 1, QueryHeads: 2, KeyValueHeads: 2, HeadSize: 32, Parameters: 2_950_000),
        Settings = new ReportSettings
        {
            ProfileLengths = [256],
            ExtensionLengths = [512],
            ValidationLength = 384,
            DensityBounds = new Dictionary<int, double> { [256] = 0.75, [512] = 0.75 },
            MaxRulesPerLayer = 2,
            SinkTokens = 64,
            BlockSize = 64,
            Seed = 7,
            CalibrationData = "generated",
            ItemsPerLength = new Dictionary<int, int> { [256] = 10, [384] = 5 },
        },
        Timings = [new ReportTiming("profile", 1.5), new ReportTiming("optimize", 0.25)],
        Calibration =
        [
            new ReportCalibration(
                256, Items: 10, Skipped: 1, MeanTokens: 240.5, MeanAnswerTokens: 20, MeanLoss: 0.25, OwnAnswers: true),
            new ReportCalibration(
                384, Items: 5, Skipped: 0, MeanTokens: 360, MeanAnswerTokens: 20, MeanLoss: null, OwnAnswers: true),
        ],
        Rules = 12,
        Objectives = [new ReportObjective(256, Loss: 0.5, LowerBound: 0.4995, RelativeGap: 0.001)],
        Plans =
        [
            new ReportPlan(
                "plan-00.json",
                Numbers(256, 0.5),
                Numbers(256, 0.75),
                0.31,
                new ReportInterval(0.25, 0.37),
                Chosen: true),
            new ReportPlan("plan-01.json", Numbers(256, 0.6), Numbers(256, 0.7), null, null, Chosen: false),
        ],
        Seconds = 0.25,
        Plan = new ReportChosenPlan(
            HeadKind.KeyValue,
            Alphas: [[0, 128]],
            Betas: [[1, 0]],
            Spans: new Dictionary<int, int[][]> { [256] = [[256, 128]], [512] = [[512, 128]] },
            Densities: new Dictionary<int, double> { [256] = 0.75, [512] = 0.625 }),
        Validation =
        [
            new ReportValidation("dense", 384, MeanLoss: 0.3, Low: 0.2, High: 0.4, Density: 1),
            new ReportValidation("uniform", 384, MeanLoss: 0.9, Low: 0.7, High: 1.1, Density: 0.67),
        ],
        Retrieval =
        [
            new ReportRetrieval("dense", 256, 4, 3, 0.75, 0.3006, 0.9544, 1, 65_536, [1, null, 0.5]),
            new ReportRetrieval("moa", 256, 4, 3, 0.75, 0.3006, 0.9544, 0.75, 49_152, [1, null, 0.5]),
        ],
        Influence =
        [
            new ReportInfluence(0, 1, "shortest", 256, 4, [[1], [0.5f, 2], [0, 1e-7f, 3], [4, 5, 6, 7]], 128),
        ],
        Notes = ["Made by hand."],
        Commands = [new ReportCommand("Retrieval", "moa eval retrieval --plan 'plan.json'")],
    };

    private static Dictionary<int, double> Numbers(int length, double value) => new() { [length] = value };
}
