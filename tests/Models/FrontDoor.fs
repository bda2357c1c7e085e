/// `Model`: what the command does, for programs of one's own.
module Reproduction.Tests.FrontDoor

open System
open System.Collections.Concurrent
open System.Diagnostics
open System.IO
open System.Text.RegularExpressions
open System.Threading
open System.Threading.Tasks
open Expecto
open Repro
open Reproduction
open Reproduction.Data
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Papers
open Reproduction.Papers.Hfae
open Reproduction.Surfaces
open Reproduction.Tests.Bench
open Reproduction.Tests.InMemory
open Reproduction.Tests.ReproProcess

/// Photographs of good parts and of new ones, one of which is torn.
let private bench =
    sharedFolder (fun at ->
        let write folder split (defect: string) index = writePicture at[$"{folder}/{defect}-{index:d2}.png"] (cloth split defect index)

        for index in 0..7 do
            write "good" "train" "good" index

        for index in 0..3 do
            write "held" "test" "good" index

        for index in 0..9 do
            write "new" "test" "good" index
            write "new" "test" "hole" index

        File.WriteAllBytes(at["new/good-03.png"], (File.ReadAllBytes at["new/good-03.png"])[..500]))

let private options = FitOptions(Profile = Profile.Smoke, Weights = packaged)
let private held () = FitOptions(Profile = Profile.Smoke, Weights = packaged, Good = Photographs.In bench.Value["held"])
let private good () = Photographs.Good bench.Value["good"]

/// The command's model, fitted and having judged the new photographs, with the pictures it decoded and from where.
let private command =
    lazy
        (let bench = bench.Value

         let code, _, error =
             repro [
                 "fit"
                 "--method"
                 "hfae"
                 "--train"
                 bench["good"]
                 "--profile"
                 "smoke"
                 "--weights"
                 packaged
                 "--out"
                 bench["model"]
             ]

         Expect.equal code 0 error

         let score out images = repro [ "score"; "--model"; bench["model"]; "--weights"; packaged; images; "--out"; bench[out] ]

         let code, output, _ = score "scored" bench["new"]
         Expect.equal code 1 "one is torn"
         Expect.stringContains output "19 images" "the others are judged"
         score)

let private rows out = File.ReadAllLines(bench.Value[out + "/scores.csv"])[1..] |> Array.map _.Split(',')

let private load () =
    command.Force() |> ignore
    Model.Load(bench.Value["model"], packaged)

/// Serialises the tests that look at the decoder, which is one for the process.
let private watched (seen: string -> unit) (work: unit -> unit) =
    ImageFile.Watched <- Action<string>(fun name -> if name.StartsWith bench.Value["new"] then seen name)

    try
        work ()
    finally
        ImageFile.Watched <- null

/// The folders of the program that the call stack leads through, from the outermost; a folder counts once where it calls itself.
let private rooms () =
    [
        for frame in StackTrace(false).GetFrames() do
            let method = frame.GetMethod()

            if not (isNull method) then
                match Option.ofObj (nonNull method).DeclaringType with
                | Some owner ->
                    match Option.ofObj owner.Namespace with
                    | Some space when Regex.IsMatch(space, @"^Repro(duction)?\.(?!Tests)") -> space.Split('.')[1]
                    | _ -> ()
                | None -> ()
    ]
    |> List.rev
    |> List.fold
        (fun path room ->
            match path with
            | last :: _ when last = room -> path
            | _ -> room :: path)
        []
    |> List.rev

[<Tests>]
let tests =
    testSequenced
    <| testList "front door" [
        testCase "Model.Fit saves, byte for byte, what repro fit writes"
        <| fun () ->
            command.Force() |> ignore
            use model = Model.Fit("hfae", good (), options)
            model.Save bench.Value["own.model"]
            Expect.sequenceEqual (File.ReadAllBytes bench.Value["own.model"]) (File.ReadAllBytes bench.Value["model"]) "the file"

        testCase "Model.Score gives the scores, verdicts and overlays of repro score"
        <| fun () ->
            use model = (load ()).WithEngine "auto"
            Expect.equal model.Engine "onnx" "what the command takes"
            let judged = Seq.toArray (model.Score(Photographs.In bench.Value["new"]))

            Expect.sequenceEqual
                [ for each in judged -> each.Name, (string each.Score), (string each.Verdict).ToLowerInvariant() ]
                [ for row in rows "scored" -> row[0], row[1], row[3] ]
                "rows"

            let torn = judged |> Array.find (fun each -> each.Verdict = Verdict.Unreadable)
            Expect.stringContains (nonNull torn.Reason) "good-03.png: a damaged or truncated PNG" "the reason"
            Expect.isTrue (isNull torn.Map && isNull (torn.DrawOverlay())) "no map"
            let first = judged[0]
            Expect.equal (nonNull first.Map).Values.Length ((nonNull first.Map).Height * (nonNull first.Map).Width) "the map"

            Expect.sequenceEqual
                (ImageFile.EncodeJpeg(nonNull (first.DrawOverlay())))
                (File.ReadAllBytes bench.Value["scored/00000-good-00.jpg"])
                "the overlay"

        testCase "the library that scores is chosen by name; an unknown one is refused with the known ones"
        <| fun () ->
            use model = load ()
            Expect.isTrue (Object.ReferenceEquals(model.WithEngine "libtorch", model)) "it stays as it is"
            Expect.equal model.Engine "libtorch" "engine"
            fails [ "'tensorrt'"; "auto, libtorch, onnx" ] (fun () -> model.WithEngine "tensorrt" |> ignore)
            use exported = model.WithEngine "onnx"
            Expect.equal exported.Engine "onnx" "engine"
            Expect.throwsT<ObjectDisposedException> (fun () -> model.Save bench.Value["never"]) "the other took its place"
            Expect.isTrue (Object.ReferenceEquals(exported.WithEngine "libtorch", exported)) "an exported model stays one"

        testCase "images in memory are fitted and judged as their files are"
        <| fun () ->
            let read folder = [|
                for path in Directory.GetFiles bench.Value[folder] |> Array.sort do
                    if not (path.EndsWith "good-03.png" && folder = "new") then ImageFile.Read path
            |]

            let images = read "good"
            use files = Model.Fit("hfae", good (), held ())
            use memory = Model.Fit("hfae", Photographs.Of images, held ())
            Expect.equal memory.Description.Threshold files.Description.Threshold "threshold"

            let expected = [
                for each in files.Score(Photographs.In bench.Value["new"]) do
                    if each.RawScore.HasValue then each.RawScore.Value
            ]

            // libtorch adds in another order where a batch holds one image.
            for image, score in Seq.zip (read "new") expected do
                Expect.floatClose Accuracy.medium (float (memory.Score image).RawScore.Value) (float score) "scores, one by one"

        testCase "several threads score with one model as one does"
        <| fun () ->
            use model = load ()
            let expected = [ for each in model.Score(Photographs.In bench.Value["new"]) -> each.Score ]

            let found =
                Task.WhenAll [
                    for _ in 1..4 -> Task.Run(fun () -> [ for each in model.Score(Photographs.In bench.Value["new"]) -> each.Score ])
                ]

            for scores in found.Result do
                Expect.sequenceEqual scores expected "scores"

        for method in Registry.Methods do
            testCase $"{method.Id}: a photograph is decoded once on its way to verdict and overlay"
            <| fun () ->
                let options = held ()
                use model = Model.Fit(method, good (), options)
                let decoded = ConcurrentBag<string>()

                watched decoded.Add (fun () ->
                    for each in model.Score(Photographs.In bench.Value["new"]) do
                        Expect.equal (isNull (each.DrawOverlay())) (isNull each.Map) $"{each.Name}: an overlay where there is a map"

                        if each.Score.HasValue then Expect.equal (isNull each.Map) (method.Id = "gaussian") $"{each.Name}: a map")

                Expect.equal
                    (List.ofSeq decoded |> List.countBy id |> List.filter (fun (_, count) -> count > 1))
                    []
                    "decoded more than once"

                Expect.hasLength (Seq.distinct decoded) 20 "pictures"

        testCase "repro score: decoded once, eight changes of folder at most, none into sweeps, records or studies"
        <| fun () ->
            let score = command.Value
            let photograph = Path.Combine(bench.Value["new"], "hole-00.png")
            let paths = ConcurrentBag<string list>()

            let onFile operation (path: string) =
                if operation = FileOperation.Rename && path.EndsWith ".jpg" && not (path.Contains "/photographs/") then
                    paths.Add(rooms ())

            FileOperations.Watched <- Action<FileOperation, string>(onFile)

            try
                watched (fun _ -> paths.Add(rooms ())) (fun () ->
                    let code, _, error = score "trip" photograph
                    Expect.equal code 0 error)
            finally
                FileOperations.Watched <- null

            Expect.hasLength paths 2 $"decoded once, its overlay written once: %A{paths}"

            // From the path to the score, five changes; from the overlay to its file, one. Drawing it takes two more: Models, Imaging. A
            // folder may be missing where the compiler has put a small method into its caller.
            let longest = [ "Verbs"; "Models"; "Papers"; "Backbones"; "Data"; "Imaging" ]

            for path in paths do
                Expect.equal (List.filter (fun room -> List.contains room path) longest) path $"in this order, each once: %A{path}"
                Expect.equal (List.head path, List.last path) ("Verbs", "Imaging") "from the verb to the pixels"

            Expect.exists paths (fun path -> List.contains "Models" path) "to the score"
            Expect.contains (List.ofSeq paths) [ "Verbs"; "Imaging" ] "to the overlay's file"

        testCase "settings of one's own have their type"
        <| fun () ->
            let method = HfaeMethod()
            let smoke = method.Configure(Request("resnet18_cntk", Profile.Smoke, "good", "photographs"))
            let other = smoke.With([| "epochs=2" |]).Settings

            let change =
                Func<HfaeSettings, HfaeSettings>(fun settings ->
                    Expect.equal settings.Epochs smoke.Settings.Epochs "the variant's"
                    other)

            let options = FitOptions(Variant = "resnet18_cntk", Profile = Profile.Smoke, Weights = packaged, Good = (held ()).Good)
            use model = Model.Fit(method, change, good (), options)
            Expect.equal model.Description.Variant "resnet18_cntk" "variant"
            Expect.equal (string model.Description.Settings["epochs"]) "2" "setting"
            model.Save bench.Value["typed.model"]
            use again = Model.Load(bench.Value["typed.model"], packaged)
            Expect.equal (string again.Description.Settings["epochs"]) "2" "setting, loaded"

        testCase "progress is told, and cancelling ends the fit"
        <| fun () ->
            use source = new CancellationTokenSource()
            let stages = ConcurrentBag<string>()

            let options =
                FitOptions(
                    Profile = Profile.Smoke,
                    Weights = packaged,
                    Cancellation = source.Token,
                    Progress =
                        (fun progress ->
                            stages.Add progress.Stage
                            source.Cancel())
                )

            Expect.throwsT<OperationCanceledException> (fun () -> (Model.Fit("hfae", good (), options)).Dispose()) "cancelled"
            Expect.equal (List.ofSeq stages) [ "fit" ] "stages"

        testCase "errors name the way out"
        <| fun () ->
            let fit method options () = (Model.Fit((method: string), good (), options)).Dispose()
            fails [ "no paper is called 'kriging'"; "gaussian, hfae" ] (fit "kriging" options)
            fails [ "hfae has no variant 'resnet99'"; "resnet18_cntk" ] (fit "hfae" (FitOptions(Variant = "resnet99")))
            fails [ "Devices.Named(name) 'tpu'"; "cpu and cuda" ] (fit "hfae" (FitOptions(Device = "tpu")))
            fails [ "FitOptions.FalsePositiveRate 2"; "from 0 to below 1" ] (fit "hfae" (FitOptions(FalsePositiveRate = 2.0)))
            fails [ "FitOptions.Defective needs FitOptions.Good" ] (fit "hfae" (FitOptions(Defective = Photographs.In bench.Value["new"])))
            fails [ "8 of the 8 pictures of FitOptions.Good are in Model.Fit(good)" ] (fit "hfae" (FitOptions(Good = good ())))
            fails [ "no such file or folder"; "give photographs" ] (fun () -> Photographs.In bench.Value["none"] |> ignore)
            fails [ "there are no photographs" ] (fun () -> Photographs.Of [||] |> ignore)
            fails [ "none.model" ] (fun () -> (Model.Load bench.Value["none.model"]).Dispose())

            use weights = new RandomResources([ "vgg19_16x" ])
            let variant = "resnet18-l2+image_size=64+network=vgg19_16x+layers=[\"relu1_2\"]"
            let options = FitOptions(Variant = variant, Profile = Profile.Smoke, Weights = weights.Folder, Good = (held ()).Good)
            use other = Model.Fit("gaussian", good (), options)
            other.Save bench.Value["other.model"]
            fails [ "needs trained weights"; "BackboneProvider(folder)" ] (fun () -> (Model.Load bench.Value["other.model"]).Dispose())

            let model = load ()
            model.Dispose()
            model.Dispose()
            Expect.throwsT<ObjectDisposedException> (fun () -> model.Score(Image(64, 64, 3)) |> ignore) "after its end"
    ]
