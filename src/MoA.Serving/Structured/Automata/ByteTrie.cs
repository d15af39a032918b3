namespace MoA.Serving.Structured.Automata;

/// <summary>Texts by their bytes, in arrays. Immutable.</summary>
internal sealed class ByteTrie
{
    /// <summary>What stands for no node and no text.</summary>
    public const int None = -1;

    // A node's arrays in numbers of two bytes, as budgets count.
    private const int CellsOfNode = 12;

    private readonly List<byte> _bytes = [0];
    private readonly List<int> _child = [None];
    private readonly List<int> _sibling = [None];
    private readonly List<int> _first = [0];
    private readonly List<int> _count = [0];
    private readonly List<int> _ends = [None];
    private readonly int[] _order;

    /// <summary>Texts in UTF-8; of equal ones the first counts.</summary>
    public ByteTrie(IReadOnlyList<byte[]> texts, CompileBudget? budget = null)
    {
        _order = [.. Enumerable.Range(0, texts.Count)];
        Array.Sort(_order, (one, other) =>
            texts[one].AsSpan().SequenceCompareTo(texts[other]) is var order && order != 0 ? order : one.CompareTo(other));
        for (int i = 0; i < _order.Length; i++)
        {
            int node = 0;
            _count[0]++;
            foreach (byte value in texts[_order[i]])
            {
                int next = Next(node, value);
                node = next != None ? next : Add(node, value, i);
                _count[node]++;
            }

            if (_ends[node] == None)
                _ends[node] = _order[i];
        }

        budget?.Keep((long)_bytes.Count * CellsOfNode);
    }

    /// <summary>The node behind a byte, or <see cref="None"/>.</summary>
    public int Next(int node, byte value)
    {
        int next = _child[node];
        while (next != None && _bytes[next] != value)
            next = _sibling[next];
        return next;
    }

    /// <summary>Whether anything is behind a node.</summary>
    public bool GoesOn(int node) => _child[node] != None;

    /// <summary>The text that ends at a node, or <see cref="None"/>.</summary>
    public int EndAt(int node) => _ends[node];

    /// <summary>The texts that end at a node or behind it.</summary>
    public ReadOnlySpan<int> Under(int node) => _order.AsSpan(_first[node], _count[node]);

    private int Add(int parent, byte value, int first)
    {
        int node = _bytes.Count;
        _bytes.Add(value);
        _child.Add(None);
        _sibling.Add(_child[parent]);
        _first.Add(first);
        _count.Add(0);
        _ends.Add(None);
        _child[parent] = node;
        return node;
    }
}
