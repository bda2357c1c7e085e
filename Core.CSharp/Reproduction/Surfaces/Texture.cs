namespace Reproduction.Surfaces;

/// <summary>The painters of Surfaces' six textures.</summary>
internal static class Texture
{
    /// <summary>A twill of two yarns; a misprint is a mispick: a patch woven one thread out of step.</summary>
    internal static void Woven(Scene scene, SplitMix64 random, Fault fault)
    {
        const float pitch = 9;
        var (warp, weft) = (random.Vary(new Color(0.30f, 0.36f, 0.47f), 0.05f), random.Vary(new Color(0.62f, 0.60f, 0.55f), 0.05f));
        var turn = random.NextFloat(-0.006f, 0.006f);
        var (sine, cosine) = (Portable.Sin(turn), Portable.Cos(turn));
        var (offsetX, offsetY) = (random.NextFloat(0, 64), random.NextFloat(0, 64));
        var (threads, fibres, drift) = (new Noise(random), new Noise(random), new Noise(random));
        var (patchX, patchY) = (fault.Random.NextFloat(50, 200), fault.Random.NextFloat(50, 200));
        var (patchWidth, patchHeight) = (fault.Random.NextFloat(20, 46), fault.Random.NextFloat(14, 34));

        for (var y = 0; y < Scene.Side; y++)
        {
            for (var x = 0; x < Scene.Side; x++)
            {
                var u = (cosine * x + sine * y + offsetX + 1.6f * drift.At(x / 70f, y / 70f)) / pitch;
                var v = (cosine * y - sine * x + offsetY + 1.6f * drift.At(x / 70f + 31, y / 70f)) / pitch;
                var (column, row) = ((int)MathF.Floor(u), (int)MathF.Floor(v));
                var (acrossWarp, acrossWeft) = (2 * Portable.Fraction(u) - 1, 2 * Portable.Fraction(v) - 1);
                var step = fault.IsMisprint && Math.Abs(x - patchX) < patchWidth && Math.Abs(y - patchY) < patchHeight ? 2 : 0;
                var warpIsOver = ((column + row + step) & 3) < 2;
                var (across, along) = warpIsOver ? (acrossWarp, acrossWeft) : (acrossWeft, acrossWarp);
                var fibre = fibres.At(warpIsOver ? x / 1.3f : x / 5f, warpIsOver ? y / 5f : y / 1.3f);
                var shade = 1 + 0.10f * threads.Cell(warpIsOver ? column : row + 40, warpIsOver ? 3 : 9) + 0.10f * fibre;
                var round = 1 - across * across;
                scene.Set(
                    y * Scene.Side + x,
                    (warpIsOver ? warp : weft) * (shade * (0.62f + 0.38f * round)),
                    2.2f * round * (1 - 0.35f * along * along),
                    0.05f
                );
            }
        }
    }

    /// <summary>A planed board: growth rings cut lengthwise, fibres, pores, and in some boards a knot, which is no defect.</summary>
    internal static void WoodGrain(Scene scene, SplitMix64 random, Fault fault)
    {
        var (early, late) = (random.Vary(new Color(0.74f, 0.55f, 0.36f), 0.06f), random.Vary(new Color(0.50f, 0.32f, 0.18f), 0.06f));
        var (bend, fibres, tone) = (new Noise(random), new Noise(random), new Noise(random));
        var ringWidth = random.NextFloat(15, 24);
        var tilt = random.NextFloat(-0.05f, 0.05f);
        var offset = random.NextFloat(0, 64);
        var hasKnot = random.NextBool(0.25);
        var (knotX, knotY, knotSize) = (random.NextFloat(30, 226), random.NextFloat(30, 226), random.NextFloat(6, 11));

        for (var y = 0; y < Scene.Side; y++)
        {
            for (var x = 0; x < Scene.Side; x++)
            {
                var level = y + tilt * x + 26 * bend.Fractal(x / 210f, y / 60f + offset, 2);
                var (dx, dy) = (x - knotX, y - knotY);
                var distance = MathF.Sqrt(dx * dx * 0.4f + dy * dy);
                var near = hasKnot ? 1 / (1 + distance * distance / (knotSize * knotSize * 3)) : 0;
                level += (dy > 0 ? 1 : -1) * near * knotSize * 2.2f;
                var ring = Portable.Fraction(level / ringWidth + offset);
                var share = ring * ring * (1 - Portable.Step(0.86f, 1, ring));
                var fibre = fibres.Fractal(x / 34f, (y + tilt * x) / 1.1f, 2);
                var pore = Portable.Step(0.52f, 0.8f, fibres.At(x / 13f + 20, y / 1.4f + 40)) * (0.4f + 0.6f * share);
                var color = Color.Mix(
                    early,
                    late,
                    Math.Clamp(share + (hasKnot ? Portable.Step(knotSize + 2, knotSize - 3, distance) * 0.9f : 0), 0, 1)
                );
                var shade = 1 + 0.12f * fibre - 0.22f * pore + 0.07f * tone.At(x / 60f, y / 60f);
                scene.Set(y * Scene.Side + x, color * shade, 0.5f * fibre - 0.9f * pore, 0.10f);
            }
        }
    }

    /// <summary>Glazed tiles in running bond; a missing part is a chipped corner, a misprint a tile with another glaze.</summary>
    internal static void Tiles(Scene scene, SplitMix64 random, Fault fault)
    {
        const float width = 74,
            height = 50,
            joint = 2.6f;
        var glaze = random.Vary(new Color(0.60f, 0.67f, 0.66f), 0.04f);
        var grout = random.Vary(new Color(0.50f, 0.48f, 0.45f), 0.05f);
        var (offsetX, offsetY) = (random.NextFloat(0, width), random.NextFloat(0, height));
        var turn = random.NextFloat(-0.003f, 0.003f);
        var (tones, mottle, sand, edge) = (new Noise(random), new Noise(random), new Noise(random), new Noise(random));
        var (pickX, pickY) = (fault.Random.NextFloat(60, 196), fault.Random.NextFloat(60, 196));
        var (cornerX, cornerY) = (fault.Random.NextBool(0.5) ? 1 : -1, fault.Random.NextBool(0.5) ? 1 : -1);
        var chip = fault.Random.NextFloat(15, 30);
        var wrong = Color.Mix(
            glaze,
            fault.Random.NextBool(0.5) ? new Color(0.66f, 0.60f, 0.52f) : new Color(0.48f, 0.58f, 0.66f),
            fault.Random.NextFloat(0.5f, 1)
        );
        var (pickedColumn, pickedRow) = TileAt(pickX, pickY, out _, out _);

        for (var y = 0; y < Scene.Side; y++)
        {
            for (var x = 0; x < Scene.Side; x++)
            {
                var (column, row) = TileAt(x, y, out var u, out var v);
                var picked = column == pickedColumn && row == pickedRow;
                // Distance inwards from the tile's rim, which the kiln left slightly uneven.
                var inwards = Math.Min(width / 2 - Math.Abs(u), height / 2 - Math.Abs(v)) - joint + 0.7f * edge.At(x / 9f, y / 9f);
                if (fault.IsMissingPart && picked)
                {
                    inwards = Math.Min(
                        inwards,
                        width / 2 - u * cornerX + (height / 2 - v * cornerY) - chip + 3 * edge.At(x / 5f, y / 5f + 20)
                    );
                }

                var cover = Portable.Step(-0.7f, 0.7f, inwards);
                var tone = 1 + 0.05f * tones.Cell(column, row) + 0.06f * mottle.Fractal(x / 22f, y / 22f, 3);
                var speck = Portable.Step(0.70f, 0.85f, mottle.At(x / 2.4f, y / 2.4f)) * 0.10f;
                var tile = (fault.IsMisprint && picked ? wrong : glaze) * (tone - speck);
                var between = grout * (1 + 0.25f * sand.At(x / 1.5f, y / 1.5f));
                var pillow = Portable.Step(0, 7, inwards);
                scene.Set(
                    y * Scene.Side + x,
                    Color.Mix(between, tile, cover),
                    cover * (1.5f + 3 * pillow + 0.4f * mottle.At(x / 30f, y / 30f)) + (1 - cover) * 0.5f * sand.At(x / 2f, y / 2f),
                    0.45f * cover
                );
            }
        }

        (int Column, int Row) TileAt(float x, float y, out float u, out float v)
        {
            var (turnedX, turnedY) = (x + turn * 6.2831855f * y + offsetX, y - turn * 6.2831855f * x + offsetY + 64);
            var row = (int)MathF.Floor(turnedY / height);
            turnedX += (row & 1) * width / 2 + 128;
            var column = (int)MathF.Floor(turnedX / width);
            (u, v) = (turnedX - (column + 0.5f) * width, turnedY - (row + 0.5f) * height);
            return (column, row);
        }
    }

    /// <summary>Embossed leather: grains between wrinkles of two sizes.</summary>
    internal static void Hide(Scene scene, SplitMix64 random, Fault fault)
    {
        var dye = random.Vary(new Color(0.44f, 0.25f, 0.15f), 0.07f);
        var (grains, coarse, warp, tone) = (new Noise(random), new Noise(random), new Noise(random), new Noise(random));
        var grainSize = random.NextFloat(7.5f, 9);
        for (var y = 0; y < Scene.Side; y++)
        {
            for (var x = 0; x < Scene.Side; x++)
            {
                var (wx, wy) = (x + 3 * warp.At(x / 14f, y / 14f), y + 3 * warp.At(x / 14f + 30, y / 14f));
                var (first, second) = grains.Cells(wx / grainSize, wy / grainSize);
                var fold = Portable.Step(0, 0.30f, second - first);
                var (bigFirst, bigSecond) = coarse.Cells(wx / 41, wy / 33);
                var crease = Portable.Step(0, 0.12f, bigSecond - bigFirst);
                var height = 1.5f * fold - 0.6f * first + 0.8f * crease + 0.3f * warp.At(x / 2f, y / 2f);
                var shade = (0.72f + 0.28f * fold) * (0.85f + 0.15f * crease) * (1 + 0.14f * tone.Fractal(x / 90f, y / 90f, 3));
                scene.Set(y * Scene.Side + x, dye * shade, height, 0.28f * fold);
            }
        }
    }

    /// <summary>Steel brushed along the rows, with the bright band of a lamp.</summary>
    internal static void BrushedMetal(Scene scene, SplitMix64 random, Fault fault)
    {
        var steel = random.Vary(new Color(0.55f, 0.56f, 0.58f), 0.04f);
        var (fine, broad, tone) = (new Noise(random), new Noise(random), new Noise(random));
        var tilt = random.NextFloat(-0.02f, 0.02f);
        var (band, bandWidth) = (random.NextFloat(60, 196), random.NextFloat(70, 110));
        for (var y = 0; y < Scene.Side; y++)
        {
            for (var x = 0; x < Scene.Side; x++)
            {
                var row = y + tilt * x;
                var stroke =
                    0.55f * fine.At(x / 75f, row * 1.05f)
                    + 0.45f * fine.At(x / 28f + 20, row / 1.7f + 33)
                    + 0.4f * broad.At(x / 160f, row / 6f);
                var distance = (x - band + 0.25f * (y - 128)) / bandWidth;
                var sheen = 1 / (1 + distance * distance);
                var shade = 0.78f + 0.34f * sheen + (0.09f + 0.08f * sheen) * stroke + 0.03f * tone.At(x / 80f, y / 80f);
                scene.Set(y * Scene.Side + x, steel * shade, 0.28f * stroke, 0.35f);
            }
        }
    }

    /// <summary>A woven wire mesh over a dark ground; a missing part is a broken or a bent wire.</summary>
    internal static void Mesh(Scene scene, SplitMix64 random, Fault fault)
    {
        const float pitch = 30,
            radius = 3.7f;
        var wire = random.Vary(new Color(0.60f, 0.60f, 0.58f), 0.05f);
        var ground = random.Vary(new Color(0.13f, 0.14f, 0.15f), 0.08f);
        var turn = random.NextFloat(-0.006f, 0.006f);
        var (sine, cosine) = (Portable.Sin(turn), Portable.Cos(turn));
        var (offsetX, offsetY) = (random.NextFloat(0, pitch), random.NextFloat(0, pitch));
        var (dust, rough, sway) = (new Noise(random), new Noise(random), new Noise(random));
        var isBent = fault.Random.NextBool(0.5);
        var isAcross = fault.Random.NextBool(0.5);
        var (line, from) = (2 + fault.Random.NextInt(5), fault.Random.NextFloat(40, 130));
        var (length, bulge) = (fault.Random.NextFloat(24, 60), fault.Random.NextFloat(5, 10) * (fault.Random.NextBool(0.5) ? 1 : -1));

        for (var y = 0; y < Scene.Side; y++)
        {
            for (var x = 0; x < Scene.Side; x++)
            {
                var u = cosine * x + sine * y + offsetX + 64;
                var v = cosine * y - sine * x + offsetY + 64;
                var lying = Wire(v, u, 0, isAcross);
                var standing = Wire(u, v, 32, !isAcross);
                var crossing = ((int)MathF.Floor(u / pitch) + (int)MathF.Floor(v / pitch)) & 1;
                var standingIsOver = standing.Cover > 0 && (lying.Cover <= 0 || crossing == 0);
                var top = standingIsOver ? standing : lying;
                var cover = Math.Max(lying.Cover, standing.Cover);
                var metal =
                    wire
                    * (0.45f + 0.6f * top.Round + 0.08f * rough.At(standingIsOver ? x / 2f : x / 14f, standingIsOver ? y / 14f : y / 2f));
                scene.Set(
                    y * Scene.Side + x,
                    Color.Mix(ground * (1 + 0.3f * dust.Fractal(x / 6f, y / 6f, 2)), metal, cover),
                    3.4f * top.Round * cover,
                    0.6f * cover,
                    cover
                );
            }
        }

        (float Cover, float Round) Wire(float across, float along, int family, bool mayFail)
        {
            var index = (int)MathF.Floor(across / pitch);
            var center = (index + 0.5f) * pitch + 1.3f * sway.At(index + family, along / 90f);
            var reach = (along - 64 - from) / length;
            var fails = fault.IsMissingPart && mayFail && index == line + 2 && reach is > 0 and < 1;
            if (fails && isBent)
            {
                var lift = reach * (1 - reach) * 4;
                center += bulge * lift * lift;
            }
            var distance = Math.Abs(across - center);
            var cover = Portable.Step(radius + 0.6f, radius - 0.6f, distance);
            if (fails && !isBent)
            {
                cover *= 1 - Portable.Step(0, 2 / length, reach) * Portable.Step(1, 1 - 2 / length, reach);
            }

            var inside = Math.Min(distance / radius, 1);
            return (cover, MathF.Sqrt(1 - inside * inside) * (cover > 0 ? 1 : 0));
        }
    }
}
