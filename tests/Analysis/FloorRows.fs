/// By how much a method beats what no training gives.
module Reproduction.Tests.FloorRows

open System.IO
open Expecto
open Reproduction.Analysis

let private write run paper variant category (auroc: float) (scores: (string * int * float) list) =
    let folder = Path.Combine(run, "runs")
    Directory.CreateDirectory folder |> ignore
    let cell = $"{paper}.{variant}.mvtec.{category}.seed0.quick"

    File.WriteAllText(
        Path.Combine(folder, cell + ".json"),
        $$$"""{"schema":1,"cell":"{{{cell}}}","paper":"{{{paper}}}","variant":"{{{variant}}}","dataset":"mvtec",
"category":"{{{category}}}","seed":0,
"profile":"quick","settings":{},"data_fingerprint":"ab","weights":[],
"environment":{"libtorch":"2.10.0","device":"cpu","threads":2,"processor":"test","commit":"0123456789abcdef"},
"seconds":{"features":1,"fit":2,"score":3,"metrics":4},"metrics":{"image_auroc":{{{auroc}}}},"undefined":{},
"counts":{"train":10,"test_good":2,"test_anomalous":2},"finished":"2026-01-01T00:00:00Z"}"""
    )

    File.WriteAllLines(
        Path.Combine(folder, cell + ".scores.csv"),
        "image,label,score" :: [ for image, label, score in scores -> $"{image},{label},{score}" ]
    )

/// Two good and two defective images with these scores.
let private scored good defective =
    [ for index, score in List.indexed good -> $"good/{index}.png", 0, score ]
    @ [ for index, score in List.indexed defective -> $"crack/{index}.png", 1, score ]

let private inResults test =
    let folder = Directory.CreateTempSubdirectory("reproduction-floors-").FullName

    try
        test (fun name -> Path.Combine(folder, name))
    finally
        Directory.Delete(folder, true)

[<Tests>]
let tests =
    testList "floor rows" [
        testCase "a run's best variant against the floors of the run beside it, paired image by image"
        <| fun () ->
            inResults (fun at ->
                write (at "hfae") "hfae" "worse" "bottle" 0.5 (scored [ 0.1; 0.5 ] [ 0.3; 0.2 ])
                write (at "hfae") "hfae" "better" "bottle" 1.0 (scored [ 0.1; 0.2 ] [ 0.8; 0.9 ])
                write (at "hfae") "hfae" "better" "screw" 1.0 (scored [ 0.1; 0.2 ] [ 0.8; 0.9 ])
                write (at Floor.sibling) "mean-image" "default" "bottle" 0.75 (scored [ 1.0; 3.0 ] [ 2.0; 4.0 ])
                // Another set of images cannot be paired.
                write (at Floor.sibling) "pca-pixels" "default" "bottle" 1.0 (scored [ 1.0 ] [ 2.0; 4.0 ])
                write (at Floor.sibling) "padim" "resnet18" "bottle" 1.0 (scored [ 0.1; 0.2 ] [ 0.8; 0.9 ])

                match Floor.against (at "hfae") (RunRecord.readAll (at "hfae")) with
                | [ row ] ->
                    Expect.equal (row.Record.Variant, row.Record.Category) ("better", "bottle") "the row"

                    Expect.equal
                        [ for floor in row.Floors -> floor.Floor.Paper, floor.Test.First, floor.Test.Second ]
                        [ "mean-image", 1.0, 0.75 ]
                        "the floor, which scored the same images"

                    Expect.stringStarts (Text.floorCell row "mean-image") "75.0: +25.0 (p " "as it is shown"
                    Expect.equal (Text.floorCell row "pca-features") "–" "one that was not run"
                | rows -> failtest $"{rows.Length} rows")

        testCase "a run's own floors are taken, and are no methods"
        <| fun () ->
            inResults (fun at ->
                let run = at "mine"
                write run "padim" "resnet18" "bottle" 1.0 (scored [ 0.1; 0.2 ] [ 0.8; 0.9 ])
                write run "pca-pixels" "default" "bottle" 0.5 (scored [ 1.0; 4.0 ] [ 2.0; 3.0 ])
                write (at Floor.sibling) "pca-pixels" "default" "bottle" 1.0 (scored [ 1.0; 2.0 ] [ 3.0; 4.0 ])
                let rows = Floor.against run (RunRecord.readAll run)
                Expect.equal [ for row in rows -> row.Record.Paper ] [ "padim" ] "methods"
                Expect.equal [ for floor in rows.Head.Floors -> floor.Test.Second ] [ 0.5 ] "its own floor")
    ]
