/// Models as ONNX files: resizing and networks in the graph, the command, and what a program without ours makes of the file.
module Reproduction.Tests.Exported

open System
open System.Globalization
open System.IO
open Expecto
open FsCheck
open FsCheck.FSharp
open Microsoft.ML.OnnxRuntime
open TorchSharp
open Repro
open Reproduction.Backbones
open Reproduction.Formats
open Reproduction.Imaging
open Reproduction.Models
open Reproduction.Surfaces
open Reproduction.Tests.Bench

let private run (model: OnnxModelBuilder) (input: OrtValue) outputs =
    use options = new SessionOptions(IntraOpNumThreads = 1, LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR)
    use session = new InferenceSession(model.ToArray(struct ("tests", "1")), options)
    use settings = new RunOptions()
    use values = session.Run(settings, [ "input" ], [ input ], outputs)
    [ for value in values -> value.GetTensorDataAsSpan<float32>().ToArray() ]

let private noise (width: int) (height: int) (seed: int) =
    let random = Random seed
    let pixels = Array.zeroCreate<byte>(width * height * 3)
    random.NextBytes pixels
    Image(width, height, 3, pixels)

/// The graph's bytes of an image, HWC as `Resizer` has them.
let private resized (image: Image) width height resampling =
    let model = OnnxModelBuilder()
    let input = model.Input("input", torch.ScalarType.Byte, "batch", "height", "width", 3)
    model.Output("output", ResizerGraph.Resize(input, width, height, resampling), "batch", 3, height, width)
    use value = OrtValue.CreateTensorValueFromMemory(image.Pixels, [| 1L; int64 image.Height; int64 image.Width; 3L |])
    let planes = List.exactlyOne (run model value [ "output" ])
    Array.init planes.Length (fun i -> byte planes[(i % 3) * width * height + i / 3])

let private sizes = Gen.zip (Gen.choose (1, 90)) (Gen.choose (1, 90))

let private networks = [
    "resnet18", 64L, [ "layer1"; "layer4" ]
    "resnet18_cntk", 64L, [ "maxpool"; "avgpool" ]
    "resnet50", 64L, [ "layer2" ]
    "vgg16", 48L, [ "conv1_1"; "relu3_3"; "pool5" ]
    "vgg19_16x", 48L, [ "aux4_1"; "relu5_1" ]
    "efficientnet-b0", 50L, [ "stem"; "blocks.3"; "head" ]
    "efficientnetv2_b0", 50L, [ "blocks.2"; "head" ]
    "yolov3", 64L, [ "20"; "82"; "106" ]
]

let private checkNetwork (name, side, layers: string list) =
    testCase $"{name}: the graph gives the layers that the network gives"
    <| fun () ->
        use _scope = torch.NewDisposeScope()
        use backbone = Backbone.Random(name, 5)
        use generator = new torch.Generator(1UL)
        let pixels = torch.rand ([| 2L; 3L; side; side |], generator = generator)
        let expected = backbone.Forward(pixels, layers)
        let model = OnnxModelBuilder()
        let input = model.Input("input", torch.ScalarType.Float32, "batch", 3, side, side)

        for layer, value in Seq.zip layers (backbone.Export(input, layers)) do
            model.Output("layer" + layer, value, "batch", "c", "h", "w")

        use value = OrtValue.CreateTensorValueFromMemory(pixels.data<float32>().ToArray(), pixels.shape)

        for layer, here, there in Seq.zip3 layers expected (run model value [ for layer in layers -> "layer" + layer ]) do
            let here = here.contiguous().data<float32>().ToArray()
            Expect.hasLength there here.Length layer
            let most = here |> Array.map abs |> Array.max
            let apart = Array.map2 (fun a b -> abs (a - b)) here there |> Array.max
            Expect.isLessThan (float (apart / most)) 1e-4 layer

let private photographs (at: string -> string) =
    let write name split (defect: string) index =
        let struct (picture, _) = SurfacesDataset.Render("gear", split, defect, index, 0)
        Directory.CreateDirectory(at name) |> ignore
        // Neither square nor of one size.
        let picture = Resizer.Resize(picture, 200 + 7 * index, 180, Resampling.BilinearAntialias)
        ImageFile.Write(Path.Combine(at name, $"{defect}-{index}.png"), picture)

    for index in 0..7 do
        write "good" "train" "good" index

    for index in 0..2 do
        write "new" "test" "good" index
        write "new" "test" "scratch" index

let private rows file =
    File.ReadAllLines file
    |> Array.skip 1
    |> Array.map (fun line -> line.Split(',') |> fun cells -> cells[0], cells)
    |> Map.ofArray

let private number (text: string) = Double.Parse(text, CultureInfo.InvariantCulture)

/// What a program that references ONNX Runtime alone makes of a file: decoded pixels in, a score of 1 and more is a defect.
let private verdict (session: InferenceSession) (picture: Image) =
    use input = OrtValue.CreateTensorValueFromMemory(picture.Pixels, [| 1L; int64 picture.Height; int64 picture.Width; 3L |])
    use settings = new RunOptions()
    use outputs = session.Run(settings, [ "images" ], [ input ], [ "score"; "raw_score" ])
    let value (index: int) = outputs[index].GetTensorDataAsSpan<float32>()[0]
    (if value 0 >= 1f then "defective" else "good"), float (value 1)

[<Tests>]
let tests =
    testSequenced
    <| testList "export" [
        for resampling in Enum.GetValues<Resampling>() do
            testProperty $"an image is resized in the graph as by Resizer, byte for byte: {resampling}"
            <| Prop.forAll (Arb.fromGen (Gen.zip3 sizes sizes (Gen.choose (0, 1000)))) (fun ((w, h), (width, height), seed) ->
                let image = noise w h seed
                let expected = Resizer.Resize(image, width, height, resampling).Pixels
                Expect.sequenceEqual (resized image width height resampling) expected $"{w}x{h} to {width}x{height}")

        testCase "a photograph of 3 megapixels is resized in the graph byte for byte"
        <| fun () ->
            let image = noise 2000 1500 1

            for resampling in Enum.GetValues<Resampling>() do
                let expected = Resizer.Resize(image, 256, 224, resampling).Pixels
                Expect.isTrue ((resized image 256 224 resampling).AsSpan().SequenceEqual expected) $"{resampling}"

        yield! networks |> List.map checkNetwork

        for method in [ "gaussian"; "hfae"; "dfr"; "favae"; "ssae" ] do
            testCase $"{method}: fitted, exported and scored as a user types it; a program without ours comes to the same verdicts"
            <| inFolder (fun at ->
                photographs at
                let fit = [ "fit"; "--method"; method; "--profile"; "smoke"; "--train"; at "good"; "--out"; at "model" ]
                let code, _, error = repro fit
                Expect.equal code 0 error
                let code, output, error = repro [ "export"; "--model"; at "model"; "--out"; at "model.onnx" ]
                Expect.equal code 0 error
                Expect.stringContains output "20 generated pictures" "the check is told"

                let score model out = repro [ "score"; "--model"; at model; at "new"; "--out"; at out ]
                let code, _, error = score "model" "here"
                Expect.equal code 0 error
                let code, _, error = score "model.onnx" "there"
                Expect.equal code 0 error

                let here, there = rows (at "here/scores.csv"), rows (at "there/scores.csv")
                Expect.equal there.Count here.Count "as many rows"
                use session = new InferenceSession(at "model.onnx")

                for KeyValue(file, row) in here do
                    Expect.floatClose { absolute = 1e-4; relative = 1e-4 } (number (there[file]).[1]) (number (row[1])) file
                    Expect.equal (there[file]).[3] row[3] $"{file}: the exported file's verdict"
                    let outside, raw = verdict session (ImageFile.Read file)
                    Expect.floatClose { absolute = 1e-6; relative = 1e-4 } raw (number (row[5])) file
                    Expect.equal outside row[3] $"{file}: the verdict of a program of its own")

        testCase "a region of interest goes along; of tiles the file says how they are cut"
        <| inFolder (fun at ->
            photographs at
            let mask = Image(40, 30, 1)

            for y in 5..20 do
                for x in 4..25 do
                    mask[x, y, 0] <- 255uy

            ImageFile.Write(at "mask.png", mask)
            let fit = [ "fit"; "--method"; "ssae"; "--profile"; "smoke"; "--train"; at "good"; "--out"; at "model" ]
            let code, _, error = repro (fit @ [ "--roi"; at "mask.png" ])
            Expect.equal code 0 error
            let code, _, error = repro [ "export"; "--model"; at "model"; "--out"; at "model.onnx" ]
            Expect.equal code 0 error
            use session = new InferenceSession(at "model.onnx")
            use model = Model.Load(at "model")

            for file in Directory.GetFiles(at "new") do
                let picture = ImageFile.Read file
                let here = float (model.Score(picture).RawScore.Value)
                let there = snd (verdict session picture)
                // What is painted is flat, and the structural similarity of flat areas is ill-conditioned.
                Expect.floatClose { absolute = 1e-6; relative = 1e-3 } there here file
                // What lies outside changes nothing.
                picture[0, 0, 0] <- 255uy - picture[0, 0, 0]
                Expect.equal (snd (verdict session picture)) there "a pixel outside"

            let code, _, error = repro (fit @ [ "--tile"; "96"; "--overlap"; "16" ])
            Expect.equal code 0 error
            let code, output, error = repro [ "export"; "--model"; at "model"; "--out"; at "tiles.onnx" ]
            Expect.equal code 0 error
            Expect.stringContains output "squares of 96 pixels" "the command says it"
            use tiles = new InferenceSession(at "tiles.onnx")
            Expect.stringContains tiles.ModelMetadata.CustomMetadataMap["tiles"] "squares of 96 pixels" "the file says it")

        testCase "what cannot be exported, and what is no exported model, is told"
        <| inFolder (fun at ->
            photographs at
            File.WriteAllText(at "words", "no model")
            let export model out = repro [ "export"; "--model"; at model; "--out"; at out ]
            let code, _, error = export "words" "x.onnx"
            Expect.equal code 1 error
            Expect.stringContains error "is not a model of 'repro fit'" "no model"
            let code, _, error = export "nothing" "x.onnx"
            Expect.equal code 1 error
            Expect.stringContains error "no such file" "no file"
            let packaged = PackagedWeights.File.Path
            let code, _, error = repro [ "score"; "--model"; packaged; at "new"; "--out"; at "out" ]
            Expect.equal code 1 error
            Expect.stringContains error "is no model that 'repro export' wrote" "an ONNX file of something else"
            Expect.equal (error.Trim().Split('\n').Length) 1 "one line"

            let fit = [ "fit"; "--method"; "ssae"; "--profile"; "smoke"; "--train"; at "good"; "--out"; at "model" ]
            let code, _, error = repro fit
            Expect.equal code 0 error
            let code, _, error = export "model" "new"
            Expect.equal code 1 error
            Expect.stringContains error "is a folder" "a folder's name"
            let code, _, error = export "model" "model.onnx"
            Expect.equal code 0 error
            let code, _, error = export "model.onnx" "again.onnx"
            Expect.equal code 2 error
            Expect.stringContains error "is an ONNX file already" "exported twice")
    ]
