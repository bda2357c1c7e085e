/// Tiles, and the part of a photograph that counts.
module Reproduction.Tests.LargePhotographs

open System
open System.IO
open Expecto
open TorchSharp
open Reproduction
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Surfaces
open Reproduction.Tests.Bench
open Reproduction.Tests.ReproProcess

let private pool = lazy [| for index in 0..11 -> cloth "train" "good" index |]

let private paste (target: Image) (source: Image) left top =
    for y in 0 .. min source.Height (target.Height - top) - 1 do
        let length = 3 * min source.Width (target.Width - left)
        Array.blit source.Pixels (3 * y * source.Width) target.Pixels (3 * ((top + y) * target.Width + left)) length

/// A photograph of cloth of so many pixels, laid out of Surfaces' pictures.
let private laid (width: int) (height: int) seed =
    let image = Image(width, height, 3)
    let random = SplitMix64.For(uint64 seed, "cloth")
    let side = pool.Value[0].Width

    for top in 0..side .. height - 1 do
        for left in 0..side .. width - 1 do
            paste image pool.Value[random.NextInt pool.Value.Length] left top

    image

/// A hole of 20 pixels through which the dark behind the cloth is seen.
let private withHole (photograph: Image) left top =
    let image = photograph.Copy()

    for y in 0..19 do
        for x in 0..19 do
            if (x - 10) * (x - 10) + (y - 10) * (y - 10) <= 100 then
                for channel in 0..2 do
                    image[left + x, top + y, channel] <- 12uy

    image

let private options = FitOptions(Profile = Profile.Smoke, Weights = packaged, Variant = "resnet18_cntk+image_size=64")
let private fit (options: FitOptions) images = Model.Fit("dfr", Photographs.Of(List.toArray images), options)

[<Tests>]
let tests =
    testSequenced
    <| testList "large photographs" [
        testCase "tiles cover a photograph, overlap as asked, and stay inside it"
        <| fun () ->
            for width, height, size, overlap in
                [ 1000, 700, 256, 64; 256, 256, 256, 64; 100, 300, 256, 0; 257, 256, 256, 255; 4000, 3000, 256, 64; 512, 512, 256, 0 ] do
                let tiles = Tiling(size, overlap).Tiles(width, height)
                let covered = Array2D.zeroCreate height width

                for tile in tiles do
                    Expect.equal (tile.Width, tile.Height) (min size width, min size height) "size"
                    Expect.isTrue (tile.X >= 0 && tile.Y >= 0 && tile.X + tile.Width <= width && tile.Y + tile.Height <= height) "inside"

                    for y in tile.Y .. tile.Y + tile.Height - 1 do
                        for x in tile.X .. tile.X + tile.Width - 1 do
                            covered[y, x] <- covered[y, x] + 1

                Expect.isTrue (Seq.cast<int> covered |> Seq.forall (fun count -> count > 0)) $"{width} x {height} is covered"
                let columns = [ for tile in tiles -> tile.X ] |> List.distinct |> List.sort

                for a, b in List.pairwise columns do
                    Expect.isGreaterThanOrEqual (a + size - b) overlap "neighbours share enough"

            Expect.equal (Tiling(256, 64).Tiles(4000, 3000).Count) (21 * 16) "4,000 x 3,000"
            Expect.equal (Tiling(256, 0).Tiles(512, 512).Count) 4 "none twice"

        testCase "blended maps have no seam: of equal values the mean, between tiles a slope"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            let flat = TileBlend(100, 50, 20, 1.0)
            let tiles = Tiling(50, 20).Tiles(100, 50)

            for tile in tiles do
                flat.Add(tile, torch.full ([| 1L; 1L; 25L; 25L |], 3f.ToScalar()))

            Expect.isTrue (flat.Finish().Values |> Array.forall (fun value -> abs (value - 3f) < 1e-5f)) "flat"
            let slope = TileBlend(80, 50, 20, 0.5)

            for tile in Tiling(50, 20).Tiles(80, 50) do
                slope.Add(tile, torch.full ([| 1L; 1L; 25L; 25L |], (if tile.X = 0 then 0f else 1f).ToScalar()))

            let map = slope.Finish()
            Expect.equal (map.Width, map.Height) (40, 25) "half the resolution"
            let row = [ for x in 0..39 -> map[x, 12] ]
            Expect.equal row (List.sort row) "rising"
            Expect.equal (row[0], row[39]) (0f, 1f) "from one to the other"
            Expect.isLessThan (List.pairwise row |> List.map (fun (a, b) -> b - a) |> List.max) 0.2f "without a step"

        testCase "a defect of 20 pixels in 4,000 x 3,000 is found by tiles, where it is, and missed without"
        <| fun () ->
            let photographs = [ for seed in 10..13 -> laid 1024 768 seed ]
            let held = Photographs.Of [| for seed in 2..4 -> laid 4000 3000 seed |]
            let sound = laid 4000 3000 9
            let torn = withHole sound 2620 840

            let told (tiles: Tiling | null) =
                FitOptions(Profile = Profile.Smoke, Weights = packaged, Variant = options.Variant, Good = held, Tiles = tiles)

            use whole = fit (told null) photographs
            use tiled = fit (told (Tiling(256, 64))) photographs
            Expect.equal [ for image in [ sound; torn ] -> (whole.Score image).Verdict ] [ Verdict.Good; Verdict.Good ] "missed without"
            let judged = tiled.Score torn
            Expect.equal [ (tiled.Score sound).Verdict; judged.Verdict ] [ Verdict.Good; Verdict.Defective ] "found by tiles"
            let map = nonNull judged.Map
            let highest = Array.findIndex ((=) (Array.max map.Values)) map.Values
            let x = float (highest % map.Width) * 4000.0 / float map.Width
            let y = float (highest / map.Width) * 3000.0 / float map.Height
            Expect.isTrue (abs (x - 2630.0) < 24.0 && abs (y - 850.0) < 24.0) $"highest at ({x}, {y})"

            let at (region: AnomalyRegion) =
                region.X <= 2630 && 2630 <= region.X + region.Width && region.Y <= 850 && 850 <= region.Y + region.Height

            Expect.isTrue (judged.FindRegions() |> Seq.exists at) "a region there"
            let overlay = nonNull (judged.DrawOverlay())
            Expect.equal (overlay.Width, overlay.Height) (1024, 768) "the overlay is shrunk"
            // The setting is the model's.
            let file = Path.GetTempFileName()

            try
                tiled.Save file
                use again = Model.Load(file, packaged)
                Expect.equal again.Description.Tiles (Tiling(256, 64)) "kept"
                Expect.equal (again.Score torn).RawScore judged.RawScore "the same score"
            finally
                File.Delete file

        testCase "what lies outside of the region of interest changes no score and no map, in tiles or whole"
        <| fun () ->
            let mask = Image(100, 100, 1)

            for y in 20..79 do
                for x in 20..79 do
                    mask[x, y, 0] <- 255uy

            let images = Array.toList pool.Value[..7]
            let side = pool.Value[0].Width
            let sound = pool.Value[8]
            let outside = withHole sound 3 3
            let inside = withHole sound (side / 2) (side / 2)

            for tiles: Tiling | null in ([ null; Tiling(side / 2, 16) ]: (Tiling | null) list) do
                let told =
                    FitOptions(
                        Profile = Profile.Smoke,
                        Weights = packaged,
                        Variant = options.Variant,
                        RegionOfInterest = mask,
                        Tiles = tiles
                    )

                use model = fit told images
                let before, after = model.Score sound, model.Score outside
                Expect.equal after.RawScore before.RawScore "outside: the same to the bit"
                Expect.equal (nonNull after.Map).Values (nonNull before.Map).Values "outside: the map"
                Expect.notEqual (nonNull (model.Score inside).Map).Values (nonNull before.Map).Values "inside"
                let map = nonNull before.Map
                Expect.equal map[0, 0] (Array.min map.Values) "outside the map is at its least"
                let file = Path.GetTempFileName()

                try
                    model.Save file
                    use again = Model.Load(file, packaged)
                    Expect.equal (again.Score outside).RawScore before.RawScore "the mask is kept"
                finally
                    File.Delete file

            let black =
                FitOptions(Profile = Profile.Smoke, Weights = packaged, Variant = options.Variant, RegionOfInterest = Image(9, 9, 1))

            Expect.throwsT<UserError> (fun () -> (fit black images).Dispose()) "a black mask"

        testCase "a region is told in pixels of the photograph"
        <| fun () ->
            let map =
                AnomalyMap(
                    4,
                    4,
                    Array.init 16 (fun i ->
                        if i = 5 || i = 6 then 2f
                        else if i = 15 then 3f
                        else 0f)
                )

            let scored = Scored("x", 1f, map, Image(40, 80, 3), 40, 80, TimeSpan.Zero)
            let judged = Judgement(scored, ScoreUnit(1.0, [||]), 1f, Nullable 2.0)

            Expect.equal
                (List.ofSeq (judged.FindRegions()))
                [ AnomalyRegion(10, 20, 20, 20, 400, 2f); AnomalyRegion(30, 60, 10, 20, 200, 3f) ]
                "the largest first"
    ]
