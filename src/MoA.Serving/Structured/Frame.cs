using System.Collections.Immutable;
using System.Runtime.CompilerServices;
using MoA.Serving.Structured.Parts;

namespace MoA.Serving.Structured;

/// <summary>A part that has begun and goes on when what is inside it has ended. Immutable.</summary>
internal sealed class Frame
{
    /// <summary>Begins a part.</summary>
    /// <param name="part">The part.</param>
    /// <param name="phase">Where in it; the part knows what it means.</param>
    /// <param name="count">A number that goes with it.</param>
    /// <param name="parent">What goes on behind the part.</param>
    /// <param name="names">Names that a free property of the object cannot have.</param>
    /// <param name="name">The name that is being written, a character a byte.</param>
    public Frame(Part part, int phase, int count, Frame? parent, ImmutableHashSet<string>? names = null, string name = "")
    {
        (Part, Phase, Count, Parent, Names, Name) = (part, phase, count, parent, names, name);
        Depth = (parent?.Depth ?? 0) + (part.IsContainer ? 1 : 0);
        HasNames = names is not null || parent is { HasNames: true };
        Hash = HashCode.Combine(RuntimeHelpers.GetHashCode(part), phase, count, parent?.Hash ?? 0);
    }

    public Part Part { get; }

    public int Phase { get; }

    public int Count { get; }

    public Frame? Parent { get; }

    public ImmutableHashSet<string>? Names { get; }

    public string Name { get; }

    /// <summary>Lists and objects that are open, this one included.</summary>
    public int Depth { get; }

    /// <summary>Whether this or one around it holds names: then it hardly ever comes again.</summary>
    public bool HasNames { get; }

    public int Hash { get; }

    public Frame With(int phase, int count) => new(Part, phase, count, Parent, Names);

    public Frame WithName(string name) => new(Part, Phase, Count, Parent, Names, name);

    public Frame WithKnown(int phase, int count) => new(Part, phase, count, Parent, Names!.Add(Name));

    public static bool AreEqual(Frame? one, Frame? other)
    {
        for (; !ReferenceEquals(one, other); (one, other) = (one.Parent, other.Parent))
        {
            if (one is null || other is null || one.Hash != other.Hash || one.Part != other.Part || one.Phase != other.Phase ||
                one.Count != other.Count || !ReferenceEquals(one.Names, other.Names) || one.Name != other.Name)
            {
                return false;
            }
        }

        return true;
    }
}
