using MoA.Search.Validation;

namespace MoA.Search.Tests.Validation;

public sealed class MeanIntervalTests
{
    /// <summary>
    /// Means 2 and 10 weigh the same; the variances of the means are 1/3 (1, 2, 3: variance 1 of 3) and 8/2 (8, 12:
    /// variance 8 of 2), that of their mean a quarter of 13/3.
    /// </summary>
    [Fact]
    public void Every_group_weighs_the_same()
    {
        MeanInterval interval = MeanInterval.OfGroups([[1.0, 2, 3], [8.0, 12]]);
        Assert.Equal(6, interval.Mean, 12);
        Assert.Equal(6 - 1.96 * Math.Sqrt(13.0 / 12), interval.Low, 12);
        Assert.Equal(6 + 1.96 * Math.Sqrt(13.0 / 12), interval.High, 12);
    }

    [Fact]
    public void One_group_is_the_plain_mean_and_one_value_has_no_spread()
    {
        Assert.Equal(new MeanInterval(5, 5, 5), MeanInterval.OfGroups([[5.0]]));
        MeanInterval interval = MeanInterval.OfGroups([[1.0, 2, 3, 6]]);
        Assert.Equal(3, interval.Mean, 12);
        Assert.Equal(3 - 1.96 * Math.Sqrt(14.0 / 3 / 4), interval.Low, 12);
    }

    /// <summary>
    /// Group 4 alone borrows the variance 2 of group (1, 3): (2/2 + 2/1) / 4 = 3/4. Two lone values 1 and 5 have a variance
    /// of 8 between them: (8 + 8) / 4.
    /// </summary>
    [Fact]
    public void A_lone_value_borrows_the_spread_of_the_others()
    {
        MeanInterval interval = MeanInterval.OfGroups([[1.0, 3], [4.0]]);
        Assert.Equal(3, interval.Mean, 12);
        Assert.Equal(3 - 1.96 * Math.Sqrt(0.75), interval.Low, 12);
        Assert.Equal(3 + 1.96 * 2, MeanInterval.OfGroups([[1.0], [5.0]]).High, 12);
    }
}
