/// `dfr` as its public code does it: where the reflection lies, the features' scale, masks and PRO; and what a training does.
module Reproduction.Tests.DfrCode

open System
open Expecto
open TorchSharp
open Reproduction.Backbones
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Metrics
open Reproduction.Methods
open Reproduction.Papers.Dfr
open Reproduction.Tests.InMemory
open Reproduction.Tests.Numbers

let private tiny changes =
    let variant =
        "resnet18+network=vgg19_16x+layers=[\"relu1_2\",\"relu2_2\",\"relu3_3\",\"relu4_3\"]\
         +image_size=32+latent=2+epochs=3+threshold_images=0+positions_per_image=0+batch_size=4+learning_rate=1e-3"
        + changes

    DfrMethod().Configure(variant, Profile.Paper, "bottle", "test").Settings

let private fitted changes (images: IImages) resources =
    torch.manual_seed 2L |> ignore
    let detector = new DfrDetector(tiny changes, resources)
    detector, detector.Fit(images, FitContext(Seed = 1))

[<Tests>]
let tests =
    testSequenced
    <| testList "dfr code" [
        testCase "the code's reflection: maps with their border, and none before conv3_3"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use ahead = Backbone.Random("vgg19", 1, BackboneOptions(Border = BorderMode.ReflectAhead))
            let input = torch.rand [| 1L; 3L; 64L; 64L |]

            let side =
                dict [ for layer, map in Seq.zip DfrMethod.Scales (ahead.ForwardRaw(input, DfrMethod.Scales)) -> layer, map.shape[2] ]

            // Of an image of 256: 258 256, 130 128, 66 64 64 62, 33 33 33 31, 17 17 17 15.
            Expect.equal
                [ for layer in DfrMethod.Scales -> side[layer] ]
                [ 66L; 64L; 34L; 32L; 18L; 16L; 16L; 14L; 9L; 9L; 9L; 7L; 5L; 5L; 5L; 3L ]
                "sides of the 16 scales"

        testCase "the code's maps are those of reflection, with a mirrored border, until conv3_3 loses a row on each side"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use ahead = Backbone.Random("vgg19", 1, BackboneOptions(Border = BorderMode.ReflectAhead))
            use reflect = Backbone.Random("vgg19", 1, BackboneOptions(Border = BorderMode.Reflect))
            Expect.notEqual ahead.Fingerprint reflect.Fingerprint "their caches differ"
            let input = torch.rand [| 1L; 3L; 64L; 64L |]
            let one (backbone: Backbone) layer = backbone.ForwardRaw(input, [| layer |])[0]
            let mirrored (map: torch.Tensor) = torch.nn.functional.pad (map, [| 1L; 1L; 1L; 1L |], PaddingModes.Reflect)

            for layer in [ "relu1_2"; "relu2_2"; "relu3_2" ] do
                Expect.isLessThan (largest (one ahead layer) (one reflect layer)) 1e-4f layer

            for layer in [ "relu1_1"; "relu2_1"; "relu3_1" ] do
                Expect.isLessThan (largest (one ahead layer) (mirrored (one reflect layer))) 1e-4f layer

            let third = (one ahead "relu3_3").narrow(2, 1L, 14L).narrow(3, 1L, 14L)
            let inside = (one reflect "relu3_3").narrow(2, 1L, 14L).narrow(3, 1L, 14L)
            Expect.isLessThan (largest third inside) 1e-4f "relu3_3 without its border is the middle of reflection's"

        testCase "of an image that is not square rows and columns are aligned each for themselves"
        <| fun () ->
            use _scope = torch.NewDisposeScope()

            for alignment in [ Alignment.Nearest; Alignment.BilinearAlignCorners ] do
                use regions = new RegionalFeatures(alignment, struct (24, 40), struct (4, 4))

                let mode, corners =
                    if alignment = Alignment.Nearest then
                        torch.InterpolationMode.Nearest, Nullable()
                    else
                        torch.InterpolationMode.Bilinear, Nullable true

                for height, width in [ 6L, 6L; 6L, 20L; 12L, 5L; 3L, 40L ] do
                    let map = torch.randn [| 2L; 3L; height; width |]
                    let resized = torch.nn.functional.interpolate (map, [| 24L; 40L |], mode = mode, align_corners = corners)
                    let expected = torch.nn.functional.avg_pool2d (resized, [| 4L; 4L |], [| 4L; 4L |])
                    let actual = regions.Align map
                    Expect.sequenceEqual actual.shape expected.shape "shape"
                    Expect.isLessThan (largest actual expected) 1e-5f $"{alignment} of {height} x {width}"

        testCase "for the latent size at least one region of every image is looked at, and no more than asked for"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([ "vgg19_16x" ])
            // Of n samples, less their mean, n - 1 components hold everything.
            for samples, images, expected in [ 1, 5, 4.0; 12, 6, 11.0 ] do
                let change = $"+latent=0+latent_samples={samples}+latent_variance=0.99999+epochs=1"
                let detector, facts = fitted change (RandomImages(images, 32)) resources.Resources
                use _ = detector
                Expect.equal facts["latent"] expected $"{samples} samples of {images} images"

        testCase "features are divided by one constant: of weights fed with 0..255 by 100, of others not at all"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([ "vgg19_16x" ])
            let images = RandomImages(4, 32)
            let _, facts = fitted "+feature_divisor=0" images resources.Resources
            Expect.equal facts["feature_divisor"] 1.0 "RGB in 0..1"
            use oxford = new RandomResources([ "vgg19_16x" ])

            IO.File.WriteAllText(
                IO.Path.Combine(oxford.Folder, "vgg19_16x.json"),
                """{"architecture":"vgg19_16x","preprocessing":{"color":"BGR","range":255,"mean":[103.939,116.779,123.68],"std":null}}"""
            )

            use provider = new BackboneProvider(oxford.Folder, torch.CPU)
            let caffe = Resources(Backbones = provider, Features = UncachedFeatures(), Device = torch.CPU)
            let detector, facts = fitted "+feature_divisor=0" images caffe
            use _ = detector
            Expect.equal facts["feature_divisor"] 100.0 "BGR in 0..255"
            let detector, facts = fitted "+feature_divisor=7" images resources.Resources
            use _ = detector
            Expect.equal facts["feature_divisor"] 7.0 "as asked for"
            use scores = detector.Score(ImageBatch.All images)
            use regions = new RegionalFeatures(Alignment.Nearest, struct (32, 32), struct (4, 4))
            let pixels = ImageBatch.All(images).Pixels(ImageSize.Square 32, torch.CPU)
            let maps = resources.Resources.Backbones.Get("vgg19_16x").Forward(pixels, (tiny "").Layers)
            let features = regions.Concatenate maps / 7.0
            let small = (detector.Reconstruct features - features).square().sum([| 1L |], keepdim = true).sqrt()

            let expected =
                torch.nn.functional.interpolate (
                    small,
                    [| 32L; 32L |],
                    mode = torch.InterpolationMode.Bilinear,
                    align_corners = Nullable false
                )

            Expect.isLessThan (largest (nonNull scores.Map) expected / expected.max().ToSingle()) 1e-4f "the map is of the divided features"

        testCase "the code's measures go with the code's variants: masks by majority, 5,000 thresholds, holes filled"
        <| fun () ->
            use resources = new RandomResources([ "vgg19_16x" ])
            use paper = new DfrDetector(tiny "", resources.Resources)
            use code = new DfrDetector(tiny "+code_measures=true", resources.Resources)
            Expect.equal ((paper :> IOwnMeasures).MeasuresName, (code :> IOwnMeasures).MeasuresName) (null, "code") "names"
            Expect.equal (code :> IOwnMeasures).MaskResampling Resampling.BilinearAntialias "averaging"
            let random = Random 3
            let maps = Array.init (2 * 16 * 16) (fun _ -> float32 (random.NextDouble()))
            // A ring, whose hole counts as anomalous in the code's PRO alone.
            let ring y x = if (abs (y - 8) = 3 && abs (x - 8) <= 3) || (abs (x - 8) = 3 && abs (y - 8) <= 3) then 1uy else 0uy
            let masks = Array.init (2 * 16 * 16) (fun i -> if i < 256 then ring (i / 16) (i % 16) else 0uy)
            let theirs = (code :> IOwnMeasures).Aupro(maps, masks, 2, 16, 16)
            Expect.equal theirs.Value (Pro.AuproDfrCode(maps, masks, 2, 16, 16).Value) "the code's PRO"
            Expect.notEqual theirs.Value (Pro.Aupro(maps, masks, 2, 16, 16).Value) "not the exact one"

        testCase "a training takes every region of four images a step, in as many epochs as asked for"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([ "vgg19_16x" ])
            let images = RandomImages(6, 32)
            let detector, facts = fitted "" images resources.Resources
            use _ = detector
            Expect.equal facts["steps"] 6.0 "three epochs of a batch of four and one of two"
            Expect.equal facts["latent"] 2.0 "as asked for"
            let channels = facts["channels"]
            Expect.equal channels (16.0 + 32.0 + 64.0 + 128.0) "of the four layers"

            let shapes = [
                for KeyValue(name, value) in detector.Save().Tensors |> Seq.sortBy _.Key do
                    if value.dim () = 4L then value.shape[1], value.shape[0]
            ]

            // Table VIII: c_o, (c_o + c_d) // 2, 2 c_d, c_d and back.
            let hidden = (240L + 2L) / 2L

            Expect.containsAll shapes [ 240L, hidden; hidden, 4L; 4L, 2L; 2L, 4L; 4L, hidden; hidden, 240L ] "widths of the autoencoder"

        for norm in [ "l2"; "mean_square" ] do
            testCase $"with a learning rate of 0 the loss is (4) of the untrained autoencoder over all regions: {norm}"
            <| fun () ->
                use _scope = torch.NewDisposeScope()
                use resources = new RandomResources([ "vgg19_16x" ])
                let images = RandomImages(4, 32)
                let detector, facts = fitted $"+learning_rate=0+epochs=1+norm={norm}" images resources.Resources
                use _ = detector
                use regions = new RegionalFeatures(Alignment.Nearest, struct (32, 32), struct (4, 4))
                let pixels = ImageBatch.All(images).Pixels(ImageSize.Square 32, torch.CPU)
                let features = regions.Concatenate(resources.Resources.Backbones.Get("vgg19_16x").Forward(pixels, (tiny "").Layers))
                let squares = (detector.Reconstruct features - features).square()
                let expected = if norm = "l2" then squares.sum([| 1L |]).sqrt().mean() else squares.mean ()
                Expect.floatClose { absolute = 0.0; relative = 1e-4 } facts["loss"] (float (expected.ToSingle())) "loss"

        testCase "thresholds are just above the training pixel that the accepted share leaves, for any share"
        <| fun () ->
            use _scope = torch.NewDisposeScope()
            use resources = new RandomResources([ "vgg19_16x" ])
            let images = RandomImages(5, 32)
            let detector, _ = fitted "+accepted_fpr=[0,0.01,0.25]" images resources.Resources
            use _ = detector
            // Four at a time, as the fit takes them: libtorch adds in another order where a batch holds one image.
            let sorted =
                [|
                    for batch in ImageBatch.All(images).Chunks 4 do
                        use scores = detector.Score batch
                        yield! (nonNull scores.Map).contiguous().flatten().data<float32>().ToArray()
                |]
                |> Array.sortDescending

            for point in detector.OperatingPoints do
                let rank = int (point.Target * float sorted.Length)
                Expect.equal (float32 point.Threshold) (MathF.BitIncrement sorted[rank]) $"{point.Name}: above the pixel of rank {rank}"
                let above = sorted |> Array.filter (fun score -> score >= float32 point.Threshold) |> Array.length
                Expect.isLessThanOrEqual above rank $"{point.Name}: no more than the accepted share"
                Expect.isTrue point.Pixel "about pixels"

            Expect.equal [ for point in detector.OperatingPoints -> point.Name ] [ "fpr0"; "fpr0.01"; "fpr0.25" ] "names"
    ]
