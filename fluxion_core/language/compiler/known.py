"""Names that MongoDB 8 gives to stages, operators and variables: what we lack is told apart from what is mistyped.

Source: MongoDB manual 8.0, the alphabetical lists of "Aggregation Stages", "Aggregation Operators" and "Query Predicates".
"""

from __future__ import annotations

from typing import Final

__all__ = ["ACCUMULATORS", "EXPRESSIONS", "QUERIES", "STAGES", "VARIABLES"]

STAGES: Final = frozenset(
    """$addFields $bucket $bucketAuto $changeStream $changeStreamSplitLargeEvent $collStats $count $currentOp $densify $documents
    $facet $fill $geoNear $graphLookup $group $indexStats $limit $listLocalSessions $listSampledQueries $listSearchIndexes
    $listSessions $lookup $match $merge $out $planCacheStats $project $querySettings $queryStats $rankFusion $redact $replaceRoot
    $replaceWith $sample $score $scoreFusion $search $searchMeta $set $setWindowFields $shardedDataDistribution $skip $sort
    $sortByCount $unionWith $unset $unwind $vectorSearch $validate $emit $hoppingWindow $sessionWindow $tumblingWindow $source
    $https $cachedLookup $externalFunction""".split()
)

EXPRESSIONS: Final = frozenset(
    """$abs $acos $acosh $add $addToSet $allElementsTrue $and $anyElementTrue $arrayElemAt $arrayToObject $asin $asinh $atan $atan2
    $atanh $avg $binarySize $bitAnd $bitNot $bitOr $bitXor $bottom $bottomN $bsonSize $ceil $cmp $concat $concatArrays $cond $convert
    $cos $cosh $dateAdd $dateDiff $dateFromParts $dateFromString $dateSubtract $dateToParts $dateToString $dateTrunc $dayOfMonth
    $dayOfWeek $dayOfYear $degreesToRadians $divide $encStrContains $encStrEndsWith $encStrNormalizedEq $encStrStartsWith $eq $exp
    $filter $first $firstN $floor $function $getField $gt $gte $hour $ifNull $in $indexOfArray $indexOfBytes $indexOfCP $isArray
    $isNumber $isoDayOfWeek $isoWeek $isoWeekYear $last $lastN $let $literal $ln $log $log10 $lt $lte $ltrim $map $max $maxN $median
    $mergeObjects $meta $millisecond $min $minN $minute $mod $month $multiply $ne $not $objectToArray $or $percentile $pow
    $radiansToDegrees $rand $range $reduce $regexFind $regexFindAll $regexMatch $replaceAll $replaceOne $reverseArray $round $rtrim
    $sampleRate $second $setDifference $setEquals $setField $setIntersection $setIsSubset $setUnion $sigmoid $sin $sinh $size $slice
    $sortArray $split $sqrt $stdDevPop $stdDevSamp $strLenBytes $strLenCP $strcasecmp $substr $substrBytes $substrCP $subtract $sum
    $switch $tan $tanh $toBool $toDate $toDecimal $toDouble $toHashedIndexKey $toInt $toLong $toLower $toObjectId $toString $toUUID
    $toUpper $trim $trunc $tsIncrement $tsSecond $type $unsetField $week $year $zip $createObjectId $subtype $similarityCosine
    $similarityDotProduct $similarityEuclidean""".split()
)

ACCUMULATORS: Final = frozenset(
    """$accumulator $addToSet $avg $bottom $bottomN $concatArrays $count $first $firstN $last $lastN $max $maxN $median $mergeObjects
    $min $minN $percentile $push $setUnion $stdDevPop $stdDevSamp $sum $top $topN $covariancePop $covarianceSamp $denseRank $derivative
    $documentNumber $expMovingAvg $integral $linearFill $locf $minMaxScaler $rank $shift""".split()
)

QUERIES: Final = frozenset(
    """$all $and $bitsAllClear $bitsAllSet $bitsAnyClear $bitsAnySet $comment $elemMatch $eq $exists $expr $geoIntersects $geoWithin
    $gt $gte $in $jsonSchema $lt $lte $mod $natural $ne $near $nearSphere $nin $nor $not $options $or $rand $regex $sampleRate $size
    $text $type $where""".split()
)

VARIABLES: Final = frozenset({"CLUSTER_TIME", "DESCEND", "KEEP", "PRUNE", "SEARCH_META", "USER_ROLES", "IS_MR", "JS_SCOPE"})
