namespace MoA.Search.Optimization;

/// <summary>
/// The part of the objective space in which a plan would be new: boxes below upper corners, such that everything outside
/// them is dominated by (or nearly equal to) a point that was found, or known to be empty.
/// </summary>
/// <param name="ideal">Least loss of every objective.</param>
/// <param name="nadir">Losses beyond which nothing is of interest.</param>
internal sealed class SearchZones(double[] ideal, double[] nadir)
{
    /// <summary>Plans closer together than this share of each loss are not told apart.</summary>
    private const double Resolution = 5e-4;

    private List<double[]> _corners = [(double[])nadir.Clone()];

    /// <summary>Removes the largest zones, at most a number of them, ties in order of creation.</summary>
    public List<double[]> TakeLargest(int count)
    {
        List<double[]> taken = [.. _corners.OrderByDescending(Size).Take(count)];
        _corners.RemoveAll(taken.Contains);
        return taken;
    }

    /// <summary>Puts back a zone that may hold more points.</summary>
    public void Return(double[] corner) => _corners.Add(corner);

    /// <summary>Cuts away what a point dominates.</summary>
    public void Exclude(double[] point)
    {
        List<double[]> kept = [];
        List<double[]> parts = [];
        foreach (double[] corner in _corners)
        {
            if (!IsBelow(point, corner))
            {
                kept.Add(corner);
                continue;
            }

            for (int i = 0; i < corner.Length; i++)
            {
                double[] part = (double[])corner.Clone();
                part[i] = point[i] - Resolution * Math.Abs(point[i]);
                // A loss of 0 cannot be bettered, and its part would be the same box again.
                if (part[i] >= ideal[i] && part[i] < point[i])
                    parts.Add(part);
            }
        }

        foreach (double[] part in parts)
        {
            if (!kept.Exists(other => IsBelow(part, other)))
                kept.Add(part);
        }

        _corners = kept;
    }

    private static bool IsBelow(double[] point, double[] corner)
    {
        for (int i = 0; i < point.Length; i++)
        {
            if (point[i] > corner[i])
                return false;
        }

        return true;
    }

    private double Size(double[] corner)
    {
        double size = 1;
        for (int i = 0; i < corner.Length; i++)
            size *= (corner[i] - ideal[i]) / Math.Max(nadir[i] - ideal[i], double.Epsilon);
        return size;
    }
}
