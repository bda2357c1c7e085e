/// More photographs for a fitted model, by the library and by `repro fit --add`.
module Reproduction.Tests.Additions

open System
open System.IO
open Expecto
open Repro
open Reproduction
open Reproduction.Backbones
open Reproduction.Imaging
open Reproduction.Methods
open Reproduction.Models
open Reproduction.Papers
open Reproduction.Surfaces
open Reproduction.Tests.Bench
open Reproduction.Tests.ReproProcess

let private photograph split index = Resizer.Within(cloth split "good" index, 96)

let private good = [ for index in 0..9 -> photograph "train" index ]
let private held = [ for index in 0..3 -> photograph "test" index ]
let private photographs (images: Image list) = Photographs.Of(List.toArray images)

let private options variant =
    FitOptions(
        Variant = variant,
        Profile = Profile.Smoke,
        Weights = packaged,
        Good = photographs held,
        FalsePositiveRate = 0.2,
        Features = UncachedFeatures()
    )

let private variants = [ "mahalanobis"; "pca99"; "npca1"; "sed"; "l2"; "ocsvm" ]

let private library = [
    for name in variants do
        testCase $"gaussian {name}: photographs taken in later give what all give at once, threshold and scores"
        <| fun () ->
            let variant = $"resnet18_cntk-{name}+image_size=64"

            for first in [ 2; 6; 9 ] do
                use whole = Model.Fit("gaussian", photographs good, options variant)
                use parts = Model.Fit("gaussian", photographs (List.truncate first good), options variant)
                parts.Add(photographs (List.skip first good), options variant)
                Expect.equal parts.Description.Images 10 "images"
                Expect.floatClose Accuracy.medium parts.Description.Threshold whole.Description.Threshold "threshold"

                for image in held do
                    // In units of the threshold.
                    Expect.floatClose
                        { absolute = 1e-5; relative = 1e-5 }
                        (float (parts.Score image).Score.Value)
                        (float (whole.Score image).Score.Value)
                        $"score, {first} first"

    testCase "without --good a part of the new photographs chooses the threshold, and is not taken in"
    <| fun () ->
        let variant = "resnet18_cntk-l2+image_size=64"
        use model = Model.Fit("gaussian", photographs (List.truncate 4 good), options variant)
        let warnings = ResizeArray<string>()
        let more = photographs (List.skip 4 good)
        model.Add(more, FitOptions(FalsePositiveRate = 0.01, Warn = Action<string> warnings.Add))
        let after = model.Description
        Expect.equal after.Images (4 + 4) "two of six are held back"
        Expect.equal (nonNull after.Calibration).Good.Count 2 "scores"
        Expect.equal (nonNull after.Calibration).Source CalibrationSource.HeldBack "whose"
        Expect.isNonEmpty warnings "two good images promise no rate of a percent"

    testCase "photographs that the model knows are refused, and so are methods that cannot go on"
    <| fun () ->
        let variant = "resnet18_cntk-l2+image_size=64"
        use model = Model.Fit("gaussian", photographs good, options variant)

        fails [ "of Model.Add(good) are in what the model was fitted on" ] (fun () -> model.Add(photographs [ good[3] ], options variant))

        fails [ "FitOptions.Good"; "Model.Add(good)" ] (fun () -> model.Add(photographs [ held[0] ], options variant))
        use other = Model.Fit("hfae", photographs good, options "resnet18_cntk")

        fails [ "hfae takes no further photographs"; "padim"; "fit this one again" ] (fun () ->
            other.Add(photographs [ photograph "train" 20 ], options "resnet18_cntk"))

    testCase "the methods that are said to take photographs in are those whose detectors do"
    <| fun () ->
        for method in Registry.Methods do
            let own =
                typeof<IExtendableDetector>.Assembly.GetTypes()
                |> Array.filter (fun each -> each.Namespace = method.GetType().Namespace && each.IsClass)

            Expect.equal (own |> Array.exists (fun each -> typeof<IExtendableDetector>.IsAssignableFrom each)) method.IsExtendable method.Id

    testCase "a model of augmented images keeps no features and says so"
    <| fun () ->
        use model = Model.Fit("gaussian", photographs good, options "resnet18_cntk-mahalanobis-augmented+image_size=64")

        fails [ "does not hold the features"; "fit again with all of them" ] (fun () ->
            model.Add(photographs [ photograph "train" 20; photograph "train" 21 ], FitOptions()))
]

let private inPhotographs test =
    inFolder
        (fun at ->
            let write name images = images |> List.iteri (fun index image -> writePicture (at $"{name}/{index:d2}.png") image)

            write "first" (List.truncate 6 good)
            write "more" (List.skip 6 good)
            write "held" held
            test at)
        ()

let private command = [
    testCase "repro fit --add writes a model of both, to --model itself or to --out"
    <| fun () ->
        inPhotographs (fun at ->
            let fit =
                [ "fit"; "--method"; "gaussian"; "--variant"; "resnet18_cntk-l2+image_size=64"; "--train"; at "first" ]
                @ [ "--good"; at "held"; "--fpr"; "0.2"; "--weights"; packaged; "--out"; at "a.model" ]

            let code, _, error = repro fit
            Expect.equal code 0 error
            let first = File.ReadAllBytes(at "a.model")

            let add = [ "fit"; "--add"; at "more"; "--model"; at "a.model"; "--good"; at "held"; "--fpr"; "0.2"; "--weights"; packaged ]
            let code, output, error = repro (add @ [ "--out"; at "b.model" ])
            Expect.equal code 0 error
            Expect.stringContains output "4 images taken in, 10 in all" "told"
            Expect.stringContains output "(was " "the threshold that was"
            Expect.sequenceEqual (File.ReadAllBytes(at "a.model")) first "the first model is as it was"
            let code, _, error = repro add
            Expect.equal code 0 error
            Expect.equal (ModelFile.Describe(at "a.model")).Images 10 "in place"
            let code, _, error = repro add
            Expect.equal code 2 "the second time they are known"
            Expect.stringContains error "are in what the model was fitted on" "and it says so")

    testCase "repro fit refuses what does not go together"
    <| fun () ->
        inPhotographs (fun at ->
            for arguments, said in
                [
                    [ "--add"; at "more" ], "--add and --model go together"
                    [ "--model"; at "a.model"; "--method"; "gaussian" ], "--add and --model go together"
                    [ "--add"; at "more"; "--model"; at "a.model"; "--method"; "padim" ], "--method is settled in the model"
                    [ "--add"; at "more"; "--model"; at "a.model"; "--folds"; "3" ], "--folds is settled in the model"
                    [ "--train"; at "first"; "--out"; at "a.model" ], "--method is missing"
                    [ "--method"; "gaussian"; "--out"; at "a.model" ], "--train is missing"
                    [ "--method"; "gaussian"; "--train"; at "first" ], "--out is missing"
                ] do
                let code, _, error = repro ("fit" :: arguments)
                Expect.equal code 2 error
                Expect.stringContains error said (String.Join(' ', arguments)))
]

[<Tests>]
let tests = testSequenced <| testList "additions" [ testList "library" library; testList "command" command ]
