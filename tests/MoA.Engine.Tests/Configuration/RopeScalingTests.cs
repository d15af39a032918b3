using MoA.Engine.Configuration;

namespace MoA.Engine.Tests.Configuration;

/// <summary>Frequencies worked by hand from docs/method.md, section 1.</summary>
public sealed class RopeScalingTests
{
    [Fact]
    public void Linear_divides_every_frequency() => Assert.Equal([0.25, 0.025], Of(new RopeScaling.Linear(4), 100, 2).Select(frequency => Math.Round(frequency, 15)));

    /// <summary>
    /// Factor 8, low 1, high 4, length 8192: wavelengths up to 2048 stay, those beyond 8192 are divided by 8; 4096
    /// turns
    /// twice, so t = (2 - 1)/(4 - 1) = 1/3 and the frequency is multiplied by 2/3/8 + 1/3 = 5/12.
    /// </summary>
    [Theory]
    [InlineData(1000, 1)]
    [InlineData(2048, 1)]
    [InlineData(4096, 5.0 / 12)]
    [InlineData(8192, 1.0 / 8)]
    [InlineData(10000, 1.0 / 8)]
    public void Llama3_blends_between_two_wavelengths(double wavelength, double share)
    {
        double frequency = 2 * Math.PI / wavelength;
        Assert.Equal(share, Of(new RopeScaling.Llama3(8, 1, 4, 8192), Math.Pow(frequency, -2), 2)[1] / frequency, 1e-12);
    }

    private static double[] Of(RopeScaling scaling, double theta, int pairs, int length = 1)
    {
        double[] frequencies = new double[pairs];
        scaling.Frequencies(theta, length, frequencies);
        return frequencies;
    }
}
