namespace Reproduction.Analysis

/// A variant on a category whose image AUROC cannot be told from chance.
[<RequireQualifiedAccess>]
type NearChance = {
    /// One of its repetitions.
    Record: RunRecord
    /// Of its image AUROC: reaches down to a half or below.
    Interval: Interval
    /// Gradient steps of one fit; None where nothing is trained by steps.
    Steps: float option
    /// Of one fit.
    Seconds: float
}

module Chance =
    /// Above this an interval that reaches a half has images too few to draw, and is not looked for.
    let private wellAbove = 0.8

    /// The variants, a category at a time, whose 95 % interval over images reaches a half. `scores` are a record's.
    let near (scores: RunRecord -> ImageScore list) (records: RunRecord list) : NearChance list = [
        for _, repetitions in List.groupBy RunRecord.series records do
            let values = repetitions |> List.choose (fun record -> record.Metrics.TryFind "image_auroc")

            if not values.IsEmpty && List.average values < wellAbove then
                match Interval.overImages [ List.map scores repetitions ] with
                | Some interval when interval.Low <= 0.5 ->
                    let steps =
                        repetitions.Head.Fit |> Map.filter (fun name _ -> name = "steps" || name.EndsWith "_steps") |> Map.values |> Seq.sum

                    {
                        NearChance.Record = repetitions.Head
                        NearChance.Interval = interval
                        NearChance.Steps = if steps > 0.0 then Some steps else None
                        NearChance.Seconds =
                            repetitions |> List.averageBy (fun record -> record.Seconds.TryFind "fit" |> Option.defaultValue 0.0)
                    }
                | _ -> ()
    ]
