/// `favae`: what a score is made of, and how training images are moved, against their wording.
module Reproduction.Tests.FavaeScores

open System
open Expecto
open TorchSharp
open Reproduction.Data
open Reproduction.Methods
open Reproduction.Papers.Favae
open Reproduction.Tests.InMemory
open Reproduction.Tests.Numbers

let private smoke variant = FavaeMethod().Configure(variant, Profile.Smoke, "bottle", "test").Settings

/// A part of every image, as images of their own.
let private window (images: IImages) (top: int64) (left: int64) (side: int64) = {
    new IImages with
        member _.Count = images.Count
        member _.ContentId index = $"{images.ContentId index}-{top}-{left}"

        member _.Pixels(indices, _, device) =
            let whole = images.Pixels(indices, ImageSize.Square 256, device)
            whole.narrow(2, top, side).narrow(3, left, side).contiguous()
}

[<Tests>]
let tests =
    testSequenced
    <| testList "favae scores" [
        testCase "a score is that of the encoder's mean: the pixels' map is their literal negative log density"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use _noGradient = torch.no_grad ()
            use resources = new RandomResources([ "vgg19_16x" ])
            use detector = new FavaeDetector(smoke "vgg16+network=vgg19_16x+images_per_epoch=8+batch_size=4", resources.Resources)
            let set = RandomImages(3, 128)
            (use _gradient = torch.enable_grad () in detector.Fit(set, FitContext(Seed = 3))) |> ignore
            use scores = detector.Score(ImageBatch.All set)

            Expect.equal
                (scores.Parts.Keys |> Seq.sort |> List.ofSeq)
                [
                    for part in [ "features_1"; "features_2"; "features_3"; "pixels" ] do
                        yield! [ part; part + ".sum" ]
                ]
                "parts: the pixels and the three layers"

            let input = randomPixels 3 128
            let struct (mean, _, _) = detector.Network.Encode input
            let restored = detector.Network.Decode(mean, [| struct (64L, 64L); struct (32L, 32L); struct (16L, 16L) |])[0]
            Expect.isLessThan (largest (nonNull scores.Reconstruction) restored) 1e-5f "reconstruction"
            let v = detector.Network.LogVariances[0].reshape(1L, 3L, 1L, 1L)
            let each = ((input - restored).square() / v.exp () + v + log (2.0 * Math.PI)) * 0.5
            let expected = each.sum ([| 1L |], true)
            Expect.isLessThan (largest scores.Parts["pixels"] expected / expected.abs().max().ToSingle()) 1e-4f "map of the pixels"

        testCase "of an image of four tiles each is scored as an image of its own"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([])
            use whole = new FavaeDetector(smoke "vanilla+image_size=256+images_per_epoch=8+batch_size=4", resources.Resources)
            let set = RandomImages(2, 256) :> IImages
            whole.Fit(set, FitContext(Seed = 3)) |> ignore
            use tile = new FavaeDetector(smoke "vanilla", resources.Resources)
            tile.Load(whole.Save())
            use scores = whole.Score(ImageBatch.All set)
            let map, restored = nonNull scores.Map, nonNull scores.Reconstruction
            Expect.sequenceEqual restored.shape [| 2L; 3L; 256L; 256L |] "reconstruction"

            for top in [ 0L; 128L ] do
                for left in [ 0L; 128L ] do
                    use own = tile.Score(ImageBatch.All(window set top left 128L))
                    let part (value: torch.Tensor) = value.narrow(2, top, 128L).narrow(3, left, 128L)
                    let expected = nonNull own.Map
                    Expect.isLessThan (largest (part map) expected / expected.abs().max().ToSingle()) 1e-4f $"map at {top}, {left}"
                    Expect.isLessThan (largest (part restored) (nonNull own.Reconstruction)) 1e-4f $"reconstruction at {top}, {left}"

        testCase "objects are turned by up to 10 degrees and shifted by up to a twentieth of the side, both ways and on both axes"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([])
            use detector = new FavaeDetector(smoke "vanilla+rotation=10+translation=0.05", resources.Resources)
            let count, side = 400L, 32L
            // Two colours that say where a pixel is, -1 to 1 over the image.
            let place = (torch.arange (side, torch.float32) * 2.0 + 1.0) / float side - 1.0
            let x = place.reshape(1L, 1L, 1L, side).expand(count, 1L, side, side)
            let y = place.reshape(1L, 1L, side, 1L).expand(count, 1L, side, side)
            use generator = new torch.Generator(1UL, torch.CPU)
            let moved = detector.Moved(torch.cat ([| x; y; torch.zeros_like x |], 1L), generator)
            // Within the middle the border is not met: from there on colours are linear in the place.
            let at colour row column = moved.narrow(1, colour, 1L).narrow(2, row, 1L).narrow(3, column, 1L) |> numbers

            let slope colour (row, column) =
                Array.map2 (fun a b -> (a - b) * 16.0) (at colour (15L + row) (15L + column)) (at colour 15L 15L)

            let centre colour =
                [
                    for row in [ 15L; 16L ] do
                        for column in [ 15L; 16L ] -> at colour row column
                ]
                |> List.reduce (Array.map2 (+))
                |> Array.map (fun sum -> sum / 4.0)

            for colour, axis in [ 0L, "across"; 1L, "down" ] do
                let shift = centre colour
                // A side is 2 long.
                Expect.all shift (fun value -> abs value < 2.0 * 0.05 + 1e-4) $"shift {axis}"
                Expect.isTrue (Array.max shift > 0.09 && Array.min shift < -0.09) $"reaches it {axis}"

            let cosine, sine = slope 0L (0L, 1L), slope 1L (0L, 1L)
            let angles = Array.map2 (fun c s -> atan2 s c * 180.0 / Math.PI) cosine sine
            Expect.all angles (fun angle -> abs angle < 10.01) "angle"
            Expect.isTrue (Array.max angles > 9.0 && Array.min angles < -9.0) "reaches it"
            close 1e-3 (slope 1L (1L, 0L)) cosine "turned, not sheared or scaled"
            close 1e-3 (slope 0L (1L, 0L)) (Array.map (~-) sine) "turned, not mirrored"
            close 1e-3 (Array.map2 (fun c s -> c * c + s * s) cosine sine) (Array.create 400 1.0) "of the same size"
    ]
