namespace Reproduction.Surfaces;

/// <summary>
/// A line of text that a specimen carries, in a 5 x 7 dot font; with a misprint it has a wrong, a missing or a shifted character, or is
/// smeared.
/// </summary>
internal sealed class Imprint
{
    private const int Columns = 5,
        Rows = 7,
        Advance = 6;

    private static readonly Dictionary<char, string> Font = new()
    {
        ['R'] = "####.#...##...#####.#.#..#..#.#...#",
        ['P'] = "####.#...##...#####.#....#....#....",
        ['0'] = ".###.#...##..###.#.###..##...#.###.",
        ['3'] = "####.....#....#.###.....#....#####.",
        ['5'] = "######....####.....#....##...#.###.",
        ['7'] = "#####....#...#...#...#....#....#...",
        ['8'] = ".###.#...##...#.###.#...##...#.###.",
        ['-'] = "...............#####...............",
        [' '] = "...................................",
    };

    private readonly string _text;
    private readonly float _dot,
        _shiftX,
        _shiftY,
        _smear;
    private readonly int _shifted;

    /// <param name="text">Characters of the font.</param>
    /// <param name="dot">Side of a dot in pixels.</param>
    /// <param name="fault">Where it is a misprint, decides which.</param>
    internal Imprint(string text, float dot, Fault fault)
    {
        var (at, kind) = (fault.Random.NextInt(text.Length), fault.Random.NextInt(4));
        var (shiftX, shiftY) = (
            fault.Random.NextFloat(-0.7f, 0.7f),
            fault.Random.NextFloat(0.8f, 1.6f) * (fault.Random.NextBool(0.5) ? 1 : -1)
        );
        (_text, _dot, _shifted) = (text, dot, -1);
        if (!fault.IsMisprint)
        {
            return;
        }

        switch (kind)
        {
            case 0:
                _text = Replaced(text, at, text[at] == '8' ? '3' : '8');
                break;
            case 1:
                _text = Replaced(text, at, ' ');
                break;
            case 2:
                (_shifted, _shiftX, _shiftY) = (at, shiftX, shiftY);
                break;
            default:
                _smear = 2.2f;
                break;
        }
    }

    private static string Replaced(string text, int at, char with) => string.Concat(text.AsSpan(0, at), [with], text.AsSpan(at + 1));

    /// <summary>How much of a point is printed, 0..1.</summary>
    /// <param name="u">Pixels to the right of the text's centre.</param>
    /// <param name="v">Pixels below it.</param>
    internal float At(float u, float v)
    {
        if (_smear > 0)
        {
            return (Sharp(u, v) + Sharp(u - _smear * _dot * 0.5f, v) + Sharp(u - _smear * _dot, v)) / 3;
        }

        return Sharp(u, v);
    }

    private float Sharp(float u, float v)
    {
        var column = u / _dot + (_text.Length * Advance - 1) / 2f;
        var row = v / _dot + Rows / 2f;
        var ink = 0f;
        for (var i = 0; i < _text.Length; i++)
        {
            var (x, y) = (column - i * Advance, row);
            if (i == _shifted)
            {
                (x, y) = (x - _shiftX, y - _shiftY);
            }

            if (x > -1 && x < Columns + 1 && y > -1 && y < Rows + 1)
            {
                ink = Math.Max(ink, Dots(Font[_text[i]], x - 0.5f, y - 0.5f));
            }
        }
        return Portable.Step(0.3f, 0.7f, ink);
    }

    /// <summary>The glyph's dots, interpolated bilinearly, so that strokes run together and corners are round.</summary>
    private static float Dots(string glyph, float x, float y)
    {
        var (left, top) = ((int)MathF.Floor(x), (int)MathF.Floor(y));
        var (fx, fy) = (x - left, y - top);
        return (Dot(left, top) * (1 - fx) + Dot(left + 1, top) * fx) * (1 - fy)
            + (Dot(left, top + 1) * (1 - fx) + Dot(left + 1, top + 1) * fx) * fy;

        float Dot(int column, int row) =>
            column is >= 0 and < Columns && row is >= 0 and < Rows && glyph[row * Columns + column] == '#' ? 1 : 0;
    }
}
