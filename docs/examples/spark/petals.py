"""Say how long the petals of each species are."""

from flowers import FLOWERS
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

spark = SparkSession.builder.getOrCreate()
flowers = spark.createDataFrame(FLOWERS, ["petal_length", "species"])
for row in flowers.groupBy("species").agg(f.avg("petal_length").alias("mean")).orderBy("species").collect():
    print(f"{row.species}: {row.mean:.2f} cm", flush=True)
